from django.test import SimpleTestCase


class Pages(SimpleTestCase):
    """Ask for a page."""

    def test_cart(self):
        """The page is there."""
        assert self.client.get("/cart/").status_code == 200
