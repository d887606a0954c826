"""What is in the till."""

from django.db import models


class Coin(models.Model):
    """A coin; no two have the same name."""

    name = models.CharField(max_length=40, unique=True)
