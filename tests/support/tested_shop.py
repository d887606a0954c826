"""A Django project with tests of its own: what Django's test client can do, and what comes of it on ASGI."""

from pathlib import Path
from typing import Final

from tests.support.django_projects import write_project

SETTINGS: Final = """
SECRET_KEY = "hidden"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
"""
MANAGE: Final = """
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
URLS: Final = """
from django.urls import path
from shop import views

urlpatterns = [
    path(f"{name}/", getattr(views, name))
    for name in "users counted page moved upload told parts fails environ protocol".split()
]
handler404 = views.lost
"""
VIEWS: Final = """
from django.contrib.auth.models import User
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render

def users(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    return HttpResponse(User.objects.count())

async def counted(request):
    return HttpResponse(await User.objects.acount())

def page(request):
    return render(request, "page.html", {"price": 5})

def moved(request):
    response = redirect("/page/")
    response.set_cookie("colour", "blue")
    return response

def upload(request):
    return HttpResponse(request.POST["name"].encode() + request.FILES["file"].read())

def told(request):
    meta = {key: value for key, value in request.META.items() if key.startswith("HTTP_")}
    return JsonResponse({
        "fields": meta, "client": request.META["REMOTE_ADDR"], "host": request.get_host(),
        "secure": request.is_secure(), "path": request.get_full_path(), "body": request.body.decode(),
        "query": request.GET.dict(),
    })

def parts(request):
    return StreamingHttpResponse(str(number) for number in range(3))

def fails(request):
    raise LookupError("sold out")

def environ(request):
    return HttpResponse(request.environ["REQUEST_METHOD"])

def protocol(request):
    return HttpResponse(request.META["SERVER_PROTOCOL"])

def lost(request, exception):
    return HttpResponse(f"{request.user.username} is lost among {User.objects.count()}", status=404)
"""
MIDDLEWARE: Final = """
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

class Stamp(MiddlewareMixin):
    def __call__(self, request):
        response = self.get_response(request)
        response["X-Stamp"] = "1"
        return response

@sync_and_async_middleware
def greet(get_response):
    async def asynchronous(request):
        request.greeted = request.user.is_authenticated
        return await get_response(request)

    def synchronous(request):
        request.greeted = request.user.is_authenticated
        return get_response(request)

    import asyncio
    return asynchronous if asyncio.iscoroutinefunction(get_response) else synchronous
"""
#: Come to the same on both sides.
SAME: Final = """
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client, TestCase, override_settings

class Same(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.ann = User.objects.create_user("ann")
        Client().get("/page/")

    def test_the_test_s_transaction(self):
        for path in ("/users/", "/counted/"):
            self.assertEqual(self.client.get(path).content, b"1")

    def test_queries(self):
        with self.assertNumQueries(1):
            self.client.get("/counted/")

    def test_session(self):
        self.client.get("/users/")
        self.client.get("/users/")
        self.assertEqual(self.client.session["seen"], 2)

    def test_login(self):
        self.client.force_login(self.ann)
        self.assertEqual(self.client.get("/page/").wsgi_request.user, self.ann)

    def test_templates(self):
        response = self.client.get("/page/")
        self.assertTemplateUsed(response, "page.html")
        self.assertEqual((response.context["price"], response.resolver_match.route), (5, "page/"))

    def test_redirect_and_cookie(self):
        response = self.client.get("/moved/", follow=True)
        self.assertEqual(response.redirect_chain, [("/page/", 302)])
        self.assertEqual(self.client.cookies["colour"].value, "blue")

    def test_upload(self):
        file = SimpleUploadedFile("a.txt", b"of silk")
        response = self.client.post("/upload/", {"name": "r\\u00f6cke ", "file": file})
        self.assertEqual(response.content.decode(), "r\\u00f6cke of silk")

    def test_what_is_sent(self):
        said = self.client.put(
            "/told/?a=\\u00e4", "body", REMOTE_ADDR="192.0.2.9", SERVER_NAME="shop.example", secure=True,
            headers={"X-Colour": "gr\\u00fcn"},
        ).json()
        self.assertEqual((said["client"], said["host"], said["secure"]), ("192.0.2.9", "shop.example", True))
        self.assertEqual((said["fields"]["HTTP_X_COLOUR"], said["body"]), ("gr\\u00fcn", "body"))
        self.assertEqual(said["query"], {"a": "\\u00e4"})

    def test_csrf(self):
        client = Client(enforce_csrf_checks=True)
        self.assertEqual(client.post("/users/").status_code, 403)
        self.assertEqual(self.client.post("/users/").status_code, 200)

    def test_stream(self):
        self.assertEqual(b"".join(self.client.get("/parts/").streaming_content), b"012")

    def test_exception(self):
        with self.assertRaisesMessage(LookupError, "sold out"):
            self.client.get("/fails/")
        client = Client(raise_request_exception=False)
        response = client.get("/fails/")
        self.assertEqual((response.status_code, response.exc_info[0]), (500, LookupError))

    def test_error_page_with_queries(self):
        self.client.force_login(self.ann)
        self.assertEqual(self.client.get("/none/").content, b"ann is lost among 1")

    @override_settings(MIDDLEWARE=[], ROOT_URLCONF="shop.other_urls")
    def test_settings(self):
        self.assertEqual(self.client.get("/other/").content, b"other")

    def test_commit(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            self.client.get("/users/")
        self.assertEqual(callbacks, [])

    def test_parts(self):
        for path in ("/users/", "/counted/"):
            with self.subTest(path):
                self.assertEqual(self.client.get(path).status_code, 200)

    async def test_asynchronous_client(self):
        response = await self.async_client.get("/counted/")
        self.assertEqual(response.content, b"1")

    async def test_from_a_coroutine(self):
        with override_settings(MIDDLEWARE=[]):
            self.assertEqual(self.client.get("/protocol/").content, b"HTTP/1.1")

    def test_rest_framework(self):
        from rest_framework.test import APIClient
        client = APIClient()
        client.force_authenticate(self.ann)
        with override_settings(ROOT_URLCONF="shop.rest"):
            self.assertEqual(client.post("/whoami/", {"a": 1}, format="json").json(), {"user": "ann", "a": 1})
"""
OTHER_URLS: Final = """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("other/", lambda request: HttpResponse("other"))]
"""
REST: Final = """
from django.urls import path
from rest_framework.decorators import api_view
from rest_framework.response import Response

@api_view(["POST"])
def whoami(request):
    return Response({"user": request.user.username, "a": request.data["a"]})

urlpatterns = [path("whoami/", whoami)]
"""
#: Differ, each for one reason; the rule of the catalogue is at the end of its name.
DIFFERENT: Final = """
from django.core.signals import request_started
from django.test import Client, SimpleTestCase, TestCase, modify_settings

class Different(TestCase):
    def test_environ_hm101(self):
        self.assertEqual(self.client.get("/environ/").content, b"GET")

    def test_environ_answered_hm101(self):
        response = Client(raise_request_exception=False).get("/environ/")
        self.assertEqual(response.status_code, 200)

    def test_part_hm101(self):
        with self.subTest("environ"):
            self.client.get("/environ/")

    def test_key_hm102(self):
        self.client.get("/protocol/")

    def test_receiver_hm103(self):
        def hear(sender, environ, **said):
            pass
        request_started.connect(hear)
        self.addCleanup(request_started.disconnect, hear)
        self.client.get("/page/")

    @modify_settings(MIDDLEWARE={"append": "shop.middleware.Stamp"})
    def test_own_call_hm104(self):
        self.assertEqual(self.client.get("/page/")["X-Stamp"], "1")

    @modify_settings(MIDDLEWARE={"append": "shop.middleware.greet"})
    def test_database_hm107(self):
        session = self.client.session
        session["a"] = 1
        session.save()
        self.client.get("/page/")

    @modify_settings(MIDDLEWARE={"append": "django.contrib.auth.middleware.RemoteUserMiddleware"})
    def test_user_hm201(self):
        with self.settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend"]):
            response = self.client.get("/page/", REMOTE_USER="ann")
        self.assertEqual(response.wsgi_request.user.username, "ann")

    def test_bytes_hm405(self):
        self.assertEqual(self.client.get("/%E9/").wsgi_request.path, "/%E9/")

class SetUp(TestCase):
    @classmethod
    def setUpTestData(cls):
        Client().get("/environ/")

    def test_one_hm101(self):
        pass
"""
#: Fail on both sides, or now and then.
TROUBLE: Final = """
import os
import unittest
from pathlib import Path

from django.test import TestCase

class Trouble(TestCase):
    def test_fails(self):
        self.assertEqual(self.client.get("/page/").status_code, 418)

    @unittest.expectedFailure
    def test_expected(self):
        self.fail("as ever")

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    def test_fails_in_the_second_run(self):
        runs = Path("runs.txt")
        with runs.open("a") as file:
            file.write("x")
        self.assertNotEqual(len(runs.read_text()), 2)
"""


def write_shop(folder: Path) -> Path:
    """Write the project into a folder, and return the folder."""
    files = {
        "manage.py": MANAGE,
        "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = shop.settings\npython_files = test_*.py\n",
        "shop/settings.py": SETTINGS,
        "shop/urls.py": URLS,
        "shop/views.py": VIEWS,
        "shop/middleware.py": MIDDLEWARE,
        "shop/other_urls.py": OTHER_URLS,
        "shop/rest.py": REST,
        "shop/templates/page.html": "{{ price }}",
        "shop/tests/__init__.py": "",
        "shop/tests/test_same.py": SAME,
        "shop/tests/test_different.py": DIFFERENT,
        "shop/tests/test_trouble.py": TROUBLE,
        "shop/tests/test_none.py": "from django.test import SimpleTestCase\n\n\n"
        "class Alone(SimpleTestCase):\n    def test_alone(self):\n        pass\n",
    }
    return write_project(folder, files)
