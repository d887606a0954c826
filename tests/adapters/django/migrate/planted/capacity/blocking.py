"""HM307."""

import asyncio
import shutil
import smtplib
import subprocess
import time
from pathlib import Path
from time import sleep as nap
from urllib.request import urlopen

from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage, send_mail
from django.http import HttpResponse

try:
    import requests
except ImportError:
    requests = None


class Model:
    def save(self):
        return 3


def slow():
    time.sleep(1)


def quick():
    return 3


@sync_to_async
def slow_on_a_thread():
    time.sleep(1)


async def blocks(request):
    time.sleep(1)  # HM307
    nap(1)  # HM307
    answer = requests.get("https://example.org/", timeout=3)  # HM307
    page = urlopen("https://example.org/")  # HM307
    subprocess.run(["true"], check=True)  # HM307
    shutil.rmtree("/tmp/none")  # HM307
    server = smtplib.SMTP("localhost")  # HM307
    server.sendmail("a", "b", "c")  # HM307
    secret = make_password("secret")  # HM307
    send_mail("a", "b", "c", ["d"])  # HM307
    EmailMessage("a", "b", "c", ["d"]).send()  # HM307
    with open("report.txt") as file:  # HM307
        text = file.read()
    other = Path("report.txt").read_text()  # HM307
    slow()  # HM307
    return HttpResponse([answer, page, secret, text, other])


async def with_session(request):
    with requests.Session() as session:
        answer = session.post("https://example.org/")  # HM307
    return HttpResponse(answer)


async def waits(request, client, storage):
    await asyncio.sleep(1)  # not HM307
    await sync_to_async(time.sleep)(1)  # not HM307
    await asyncio.to_thread(requests.get, "https://example.org/")  # not HM307
    await asyncio.get_running_loop().run_in_executor(None, slow)  # not HM307
    await asyncio.to_thread(lambda: time.sleep(1))  # not HM307
    answer = await client.get("https://example.org/")  # not HM307
    text = await storage.read_text()  # not HM307
    await slow_on_a_thread()  # not HM307
    number = quick()  # not HM307
    process = await asyncio.create_subprocess_exec("true")  # not HM307
    message = EmailMessage("a", "b", "c", ["d"])  # not HM307
    message.attach("a", "b")  # not HM307

    def inner():
        time.sleep(1)  # not HM307

    await sync_to_async(inner)()
    return HttpResponse([answer, text, number, process])


async def hides_the_import(request, requests):
    time = clock()
    time.sleep(1)  # not HM307
    return HttpResponse(requests.get("https://example.org/"))  # not HM307


def synchronous(request):
    time.sleep(1)  # not HM307
    return HttpResponse(requests.get("https://example.org/", timeout=3))  # not HM307
