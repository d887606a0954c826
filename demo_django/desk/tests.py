"""What the desk does, without a server: `manage.py test demo_django`."""

import shutil
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp

from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import AsyncClient, Client, TestCase, TransactionTestCase, override_settings

from demo_django.asgi import application
from demo_django.desk.models import Attachment, Ticket
from hybrid.adapters.django.testing import WebsocketCommunicator


class DeskTest(TestCase):
    """With two people, and a ticket."""

    def setUp(self) -> None:
        """Sign one of them in."""
        accounts = get_user_model().objects
        self.ada, self.grace = (accounts.create_user(name) for name in ("ada", "grace"))
        self.ticket = Ticket.objects.create(title="The lift is stuck", author=self.grace)
        self.client.force_login(self.ada)
        self.url = self.ticket.get_absolute_url()
        media = mkdtemp()
        self.addCleanup(shutil.rmtree, media)
        kept = override_settings(MEDIA_ROOT=media)
        kept.enable()
        self.addCleanup(kept.disable)
        self.media = Path(media)


class PageTests(DeskTest):
    """Lists, forms and files."""

    def test_strangers_are_sent_to_sign_in(self) -> None:
        """From every page."""
        self.client.logout()
        for path in ("/", self.url, f"{self.url}edit/", "/tickets/new/", "/tickets/export.csv", "/systems/"):
            self.assertRedirects(self.client.get(path), f"/accounts/sign-in/?next={path}")
        assert self.client.get("/events/").status_code == 403
        assert self.client.get("/api/tickets/").status_code == 401

    def test_signing_up(self) -> None:
        """Makes an account and signs it in; a weak password is refused with its reason."""
        self.client.logout()
        form = {"username": "hedy", "password1": "frequency hopping", "password2": "frequency hopping"}
        weak = self.client.post("/accounts/sign-up/", {**form, "password1": "123", "password2": "123"})
        self.assertContains(weak, "too short")
        self.assertRedirects(self.client.post("/accounts/sign-up/", form), "/")

    def test_the_list_is_filtered_and_has_pages(self) -> None:
        """By words, status, priority and assignee; nonsense filters nothing."""
        for number in range(20):
            Ticket.objects.create(title=f"Printer {number}", author=self.ada, assignee=self.ada, priority=4)
        assert self.client.get("/").context["page"].paginator.num_pages == 2
        for query, count in (("q=lift", 1), ("assignee=me", 20), ("assignee=nobody", 1), ("priority=4", 20)):
            assert self.client.get(f"/?{query}").context["page"].paginator.count == count, query
        assert self.client.get("/?status=solved").context["page"].paginator.count == 0
        assert self.client.get("/?status=nonsense&page=nonsense").context["page"].paginator.count == 21

    def test_editing_says_what_was_changed(self) -> None:
        """In words, among the comments."""
        form = {"title": "The lift is stuck", "status": "solved", "priority": 4, "version": 1}
        self.assertRedirects(self.client.post(f"{self.url}edit/", form), self.url)
        page = self.client.get(self.url)
        self.assertContains(page, "status: Open → Solved, priority: Normal → Urgent")

    def test_of_two_who_edit_the_second_is_told(self) -> None:
        """Once: then it is saved."""
        self.ticket.save()
        form = {"title": "Fixed", "status": "open", "priority": 2, "version": 1}
        refused = self.client.post(f"{self.url}edit/", form)
        self.assertContains(refused, "Somebody has changed this ticket", status_code=409)
        version = refused.context["form"]["version"].value()
        self.assertRedirects(self.client.post(f"{self.url}edit/", {**form, "version": version}), self.url)

    def test_what_people_write_is_escaped(self) -> None:
        """And there is a policy that would stop it."""
        self.client.post(f"{self.url}comments/", {"text": "<script>alert(1)</script>"})
        page = self.client.get(self.url)
        self.assertContains(page, "&lt;script&gt;alert(1)&lt;/script&gt;")
        assert "script-src 'self'" in page["Content-Security-Policy"]

    def test_files(self) -> None:
        """Come back as they were, for the disk; nothing of their names is on ours."""
        name = "../../evil\u202e \u00e9.html"
        self.client.post(f"{self.url}attachments/", {"file": SimpleUploadedFile(name, b"<script>")})
        kept = Attachment.objects.get()
        assert kept.name == "evil \u00e9.html"
        assert "evil" not in str([*self.media.rglob("*")])
        answer = self.client.get(f"/attachments/{kept.pk}/")
        assert b"".join(answer) == b"<script>"
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"] == "attachment; filename*=utf-8''evil%20%C3%A9.html"
        self.client.logout()
        assert self.client.get(f"/attachments/{kept.pk}/").status_code == 302

    @override_settings(ATTACHMENT_SIZE=3, ATTACHMENTS=1)
    def test_files_have_limits(self) -> None:
        """In size and number, and the page says so."""
        for content, status in ((b"1234", 400), (b"123", 302), (b"1", 400)):
            file = SimpleUploadedFile("a.txt", content)
            answer = self.client.post(f"{self.url}attachments/", {"file": file})
            assert answer.status_code == status, content

    def test_the_export_is_streamed_and_runs_nothing(self) -> None:
        """A title that would be a formula is a text."""
        Ticket.objects.create(title="=HYPERLINK(1)", author=self.ada)
        answer = self.client.get("/tickets/export.csv")
        assert answer.streaming
        lines = b"".join(answer).decode().splitlines()
        assert lines[1].startswith(f"{self.ticket.pk + 1},'=HYPERLINK(1),Open,Normal,ada,,")
        assert len(lines) == 3

    def test_the_rest_api(self) -> None:
        """Writes, and changes; who uses the cookie must send the token of forms, too."""
        made = self.client.post("/api/tickets/", {"title": "By a program"}).json()
        assert (made["author"], made["status"]) == ("ada", "open")
        path = f"/api/tickets/{made['id']}/"
        self.client.patch(path, {"status": "solved"}, content_type="application/json")
        assert self.client.get(path).json()["status"] == "solved"
        assert Ticket.objects.get(pk=made["id"]).comments.get().text == "status"
        assert self.client.post("/api/tickets/", {"title": ""}).status_code == 400
        page = Client(enforce_csrf_checks=True)
        page.force_login(self.ada)
        assert page.post("/api/tickets/", {"title": "By another site"}).status_code == 403

    def test_the_admin(self) -> None:
        """Is for those who may, under the same policy."""
        assert self.client.get("/admin/desk/ticket/").status_code == 302
        self.client.force_login(get_user_model().objects.create_superuser("root"))
        for path in ("", "desk/ticket/", f"desk/ticket/{self.ticket.pk}/change/", "desk/attachment/"):
            assert self.client.get(f"/admin/{path}").status_code == 200, path

    def test_demo_data_can_be_made_twice(self) -> None:
        """The second time changes nothing."""
        get_user_model().objects.filter(username="ada").delete()
        get_user_model().objects.filter(username="grace").update(username="somebody")
        for _ in range(2):
            call_command("demo_data", stdout=StringIO())
        assert Ticket.objects.count() == 41

    def test_a_wsgi_server_has_no_stream(self) -> None:
        """It would be collected for ever: 204 tells the page not to ask again."""
        assert self.client.get("/events/").status_code == 204


class LiveTests(TransactionTestCase):
    """What is asynchronous."""

    def setUp(self) -> None:
        """Sign somebody in."""
        self.ada = get_user_model().objects.create_user("ada")
        self.ticket = Ticket.objects.create(title="The lift is stuck", author=self.ada)
        self.client.force_login(self.ada)

    async def test_systems(self) -> None:
        """All are asked, and one that does not answer keeps nobody waiting."""
        client = AsyncClient()
        await client.aforce_login(self.ada)
        page = await client.get("/systems/")
        self.assertContains(page, "3 callers wait")
        self.assertContains(page, "It did not answer in time.")

    async def test_who_is_here_and_that_something_changed(self) -> None:
        """Each page is told; one of another site, or of nobody, is refused."""
        path = f"/ws/tickets/{self.ticket.pk}/"
        cookie = ("cookie", f"sessionid={self.client.cookies['sessionid'].value}")
        here, there = ("origin", "http://localhost"), ("origin", "http://elsewhere.example")
        for headers in ([here], [there, cookie]):
            connected, _ = await WebsocketCommunicator(application, path, self._encoded(headers)).connect()
            assert not connected
        looking = WebsocketCommunicator(application, path, self._encoded([here, cookie]))
        assert (await looking.connect())[0]
        alone = {"type": "people", "people": [{"name": "ada", "editing": False}]}
        assert await looking.receive_json_from() == alone
        editing = WebsocketCommunicator(application, f"{path}edit/", self._encoded([here, cookie]))
        assert (await editing.connect())[0]
        assert (await looking.receive_json_from())["people"] == [{"name": "ada", "editing": True}]
        await self.ticket.asave()
        assert await looking.receive_json_from() == {"type": "changed"}
        await editing.disconnect()
        assert await looking.receive_json_from() == alone
        await looking.disconnect()

    @staticmethod
    def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in [("host", "localhost"), *headers]]
