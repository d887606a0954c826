"""HM412."""

from django.test import RequestFactory, TestCase


class Pages(TestCase):
    def test_factory(self):
        request = RequestFactory().get("/")  # not HM412
        self.assertEqual(request.path, "/")

    def test_first(self):
        response = self.client.get("/")  # HM412
        self.assertEqual(response.status_code, 200)

    def test_second(self):
        response = self.client.get("/second/")  # not HM412
        self.assertEqual(response.status_code, 200)
