"""Views, each of which tries to leave something behind, or has an answer of a certain kind."""

import asyncio
import io
import logging
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core import mail
from django.core.cache import cache, caches
from django.core.mail.backends.filebased import EmailBackend as InFiles
from django.core.mail.backends.smtp import EmailBackend
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse

from hybrid.adapters.django.layers import get_channel_layer
from till.models import Coin
from till.tasks import count, total

logger = logging.getLogger("till")


def names(using="default"):
    """Say what this connection sees."""
    return JsonResponse(sorted(Coin.objects.using(using).values_list("name", flat=True)), safe=False)


def home(request):
    """Answer at once."""
    return HttpResponse("till")


def writes(request):
    """Write without a transaction."""
    Coin.objects.create(name="penny")
    return names()


async def writes_async(request):
    """Write in a coroutine."""
    await Coin.objects.acreate(name="penny")
    return JsonResponse([each.name async for each in Coin.objects.order_by("name")], safe=False)


def writes_twice(request):
    """Write to both databases, in transactions."""
    with transaction.atomic(), transaction.atomic(using="archive"):
        Coin.objects.create(name="penny")
        Coin.objects.using("archive").create(name="groat")
        try:
            with transaction.atomic():
                Coin.objects.create(name="shilling")
                raise LookupError
        except LookupError:
            pass
    return JsonResponse(
        [each.name for alias in ("default", "archive") for each in Coin.objects.using(alias)], safe=False
    )


def writes_and_fails(request):
    """Write, and raise."""
    Coin.objects.create(name="penny")
    raise ValueError("no change")


def closes(request):
    """Write, close the connection, and look again."""
    Coin.objects.create(name="penny")
    connection.close()
    return names()


def closes_within(request):
    """Close the connection within a transaction, which ends that."""
    try:
        with transaction.atomic():
            Coin.objects.create(name="penny")
            connection.close()
            names()
    except DatabaseError as error:
        Coin.objects.create(name=type(error).__name__)
    return names()


def gives_up(request):
    """Let SQLite itself roll back, and begin a transaction after that."""
    with connection.cursor() as cursor, suppress(IntegrityError):
        for _ in range(2):
            cursor.execute("INSERT OR ROLLBACK INTO till_coin (name) VALUES ('penny')")
    with transaction.atomic():
        Coin.objects.create(name="groat")
    return names()


def fails_once(request):
    """Go on after a statement that the database has refused."""
    Coin.objects.create(name="penny")
    try:
        Coin.objects.create(name="penny")
    except IntegrityError:
        Coin.objects.create(name="groat")
    return names()


def manages(request):
    """Manage transactions by hand."""
    transaction.set_autocommit(False)
    Coin.objects.create(name="penny")
    transaction.rollback()
    Coin.objects.create(name="groat")
    transaction.commit()
    Coin.objects.create(name="shilling")
    transaction.rollback()
    transaction.set_autocommit(True)
    return names()


def knows_transactions(request):
    """Say what Django takes the connection for, outside of a transaction and in one."""
    said = [connection.in_atomic_block, connection.get_autocommit()]
    with transaction.atomic(durable=True):
        said += [connection.in_atomic_block, connection.get_autocommit()]
    return JsonResponse(said, safe=False)


def locks(request):
    """Lock a row without a transaction, which Django refuses on databases that can."""
    list(Coin.objects.select_for_update())
    return names()


def commits(request):
    """End the transaction by all means."""
    Coin.objects.create(name="penny")
    said = []
    for means in (
        lambda: connection.cursor().execute("COMMIT"),
        lambda: connection.cursor().execute("/* now */ rollback"),
        lambda: connection.connection.commit(),  # noqa: PLW0108 - there is no connection yet
        lambda: connection.cursor().executescript("INSERT INTO till_coin (name) VALUES ('script');"),
    ):
        try:
            means()
            said.append("done")
        except Exception as error:  # noqa: BLE001 - which one is the answer
            said.append(type(error).__name__)
    return JsonResponse(said, safe=False)


def iterates(request):
    """Read rows by and by, with a cursor of the server's where there are such."""
    Coin.objects.bulk_create(Coin(name=f"coin {number}") for number in range(5))
    found = []
    for coin in Coin.objects.order_by("name").iterator(chunk_size=2):
        found.append(coin.name)
        Coin.objects.filter(pk=coin.pk).exists()
    return JsonResponse(found, safe=False)


def waits_in_the_database(request):
    """Write, and have the database wait for a minute."""
    Coin.objects.create(name="penny")
    connection.cursor().execute("SELECT pg_sleep(60)")
    return home(request)


def loses_the_connection(request):
    """Have the connection ended by the database, and go on with another."""
    Coin.objects.create(name="penny")
    try:
        connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
    except DatabaseError:
        connection.close()
    Coin.objects.create(name="groat")
    return names()


def on_commit(request):
    """Leave something to be done after a commit, three times."""
    transaction.on_commit(after)
    with transaction.atomic():
        transaction.on_commit(after)
    try:
        with transaction.atomic():
            transaction.on_commit(after)
            raise LookupError
    except LookupError:
        pass
    return home(request)


def after():
    """Leave a file."""
    (Path(settings.DATA) / "after").touch()


def on_a_thread(request):
    """Write on a thread of its own."""

    def write():
        Coin.objects.create(name="thread")
        connections.close_all()

    Coin.objects.count()
    thread = threading.Thread(target=write, name="till-thread")
    thread.start()
    thread.join()
    return names()


def never_ends(request):
    """Write, and go on for ever."""
    Coin.objects.create(name="penny")
    while not (Path(settings.DATA) / "stop").exists():
        time.sleep(0.01)
    try:
        Coin.objects.create(name="late")
    except Exception as error:  # noqa: BLE001 - which one is to be seen
        (Path(settings.DATA) / "late").write_text(type(error).__name__)
    return home(request)


async def waits(request):
    """Ask the database on the loop, which Django refuses."""
    return names()


async def never_ends_async(request):
    """Write, and wait for ever."""
    await Coin.objects.acreate(name="penny")
    await asyncio.Event().wait()


async def holds_the_loop(request):
    """Let nothing else happen on the loop."""
    while not (Path(settings.DATA) / "stop").exists():
        time.sleep(0.01)  # noqa: ASYNC251 - that is what it is for
    return HttpResponse("held")


def leaves_late(request):
    """Write when the answer is gone."""

    def close():
        time.sleep(0.1)
        Coin.objects.create(name="late")
        logger.warning("%d coins when the answer is gone", Coin.objects.count())

    response = HttpResponse("late")
    response._resource_closers.append(close)
    return response


def streams(request):
    """Stream in three pieces."""
    return StreamingHttpResponse(iter([b"one ", b"two ", b"three"]))


async def streams_async(request):
    """Stream in three pieces, without an end where that is asked for."""

    async def pieces():
        for each in (b"one ", b"two ", b"three"):
            yield each
        while "endless" in request.GET:
            yield b"."

    return StreamingHttpResponse(pieces())


def breaks_off(request):
    """Fail after the first piece."""

    def pieces():
        yield b"one "
        raise ValueError("the rest is missing")

    return StreamingHttpResponse(pieces())


def sends_file(request):
    """Send two million bytes."""
    return FileResponse(io.BytesIO(b"x" * 2_000_000), filename="till.bin")


def forgets(request):
    """Use a cache that keeps nothing, and so takes anything."""
    caches["none"].set("a", request)
    return JsonResponse([caches["none"].get("a")], safe=False)


def mails(request):
    """Send mail by all means."""
    mail.send_mail("Till", "is empty", "till@till.example", ["a@till.example", "b@till.example"])
    smtp = mail.get_connection("django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=9)
    smtp.send_messages([mail.EmailMessage("Again", "empty", "till@till.example", ["c@till.example"])])
    own = EmailBackend(host="127.0.0.1", port=9)
    mail.EmailMessage("Own", "", "till@till.example", cc=["d@till.example"], connection=own).send()
    files = InFiles(file_path=settings.EMAIL_FILE_PATH.parent)
    mail.send_mail("Filed", "", "till@till.example", ["e@till.example"], connection=files)
    mail.EmailMessage("Nobody", "", "till@till.example", connection=files).send()
    return home(request)


def tasks(request):
    """Send tasks by all means."""
    from celery import chord, group

    found = [count.delay(1).id, count.apply_async((2,), {"of": "notes"}, countdown=5).id]
    count.app.send_task("till.elsewhere", kwargs={"a": 1})
    group(count.s(3), count.s(4)).delay()
    chord([count.s(5), count.s(6)])(total.s())
    return JsonResponse([bool(each) for each in found], safe=False)


def own_tasks(request):
    """Send tasks of Django's own, on each way that there is."""
    from till.own_tasks import weigh

    said = [weigh.enqueue("penny").status.name, async_to_sync(weigh.aenqueue)("groat", times=2).status.name]
    return JsonResponse(said, safe=False)


def asks_broker(request):
    """Ask the broker something."""
    count.app.control.ping(timeout=0.1)
    return home(request)


def messages(request):
    """Send messages to a channel and a group."""
    layer = get_channel_layer()
    async_to_sync(layer.send)("till", {"type": "ring"})
    async_to_sync(layer.group_send)("tills", {"type": "ring", "times": 2})
    return home(request)


def counts(request):
    """Count in the cache."""
    cache.add("visits", 0)
    return HttpResponse(f"{cache.incr('visits')} {cache.get_many(['visits', 'before', 'none'])}")


def logs(request):
    """Log to a logger that has a handler of its own, and does not propagate."""
    logger.info("so far")
    logger.warning("the till has %d coins", 3)
    return home(request)


def kills(request):
    """End the process as a crash does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def handled(request):
    """Raise what the middleware answers."""
    raise KeyError("till")


def who(request):
    """Say who asks, and remember it."""
    request.session["seen"] = True
    return HttpResponse(str(request.user))


def echoes(request):
    """Say what came."""
    said = {"method": request.method, "body": request.body.decode(), "host": request.get_host()}
    return JsonResponse({**said, "query": request.GET.urlencode(), "path": request.path})
