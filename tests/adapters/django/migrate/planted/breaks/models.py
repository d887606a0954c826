from django.db import models


class Order(models.Model):
    paid = models.BooleanField(default=False)
    total = models.IntegerField(default=0)


class Proxy:
    objects = {}
