"""Calls that make the whole event loop wait, as data: by dotted name, with what to use instead."""

from typing import Final

_HTTP: Final = "httpx.AsyncClient"
_THREAD: Final = "sync_to_async(…), or asyncio.to_thread(…)"
_PROCESS: Final = "asyncio.create_subprocess_exec(…)"
_DATABASE: Final = "Django's own asynchronous methods, or an asynchronous driver"


def _of(module: str, names: str, advice: str) -> dict[str, str]:
    return {f"{module}.{name}": advice for name in names.split()}


#: Functions: what they are called, and what to use instead.
FUNCTIONS: Final = {
    "time.sleep": "asyncio.sleep(…)",
    **_of("requests", "delete get head options patch post put request", _HTTP),
    **_of("requests.api", "delete get head options patch post put request", _HTTP),
    **_of("httpx", "delete get head options patch post put request stream", _HTTP),
    **_of("urllib.request", "urlopen urlretrieve", _HTTP),
    **_of("subprocess", "call check_call check_output getoutput getstatusoutput run", _PROCESS),
    **_of("os", "popen system wait waitpid", _PROCESS),
    **_of(
        "socket", "create_connection getaddrinfo gethostbyaddr gethostbyname", "asyncio.open_connection(…)"
    ),
    **_of("smtplib", "LMTP SMTP SMTP_SSL", _THREAD),
    **_of("ftplib", "FTP FTP_TLS", _THREAD),
    **_of("imaplib", "IMAP4 IMAP4_SSL", _THREAD),
    **_of("poplib", "POP3 POP3_SSL", _THREAD),
    **_of("psycopg2", "connect", _DATABASE),
    **_of("psycopg", "connect", "psycopg.AsyncConnection.connect(…)"),
    **_of("pymysql", "connect", _DATABASE),
    **_of("MySQLdb", "connect", _DATABASE),
    **_of("sqlite3", "connect", _DATABASE),
    **_of("shutil", "copy copy2 copyfile copytree make_archive move rmtree unpack_archive", _THREAD),
    **_of("PIL.Image", "open", _THREAD),
    **_of("hashlib", "pbkdf2_hmac scrypt", _THREAD),
    **_of("bcrypt", "checkpw hashpw kdf", _THREAD),
    **_of("django.contrib.auth.hashers", "check_password", "acheck_password(…)"),
    **_of("django.contrib.auth.hashers", "make_password", _THREAD),
    **_of("django.core.mail", "mail_admins mail_managers send_mail send_mass_mail", _THREAD),
    **_of("django.core.management", "call_command", _THREAD),
    **_of("django.core.management.base", "call_command", _THREAD),
    **_of("boto3", "client resource", "aioboto3, or sync_to_async(…)"),
}

#: Objects whose methods wait for somebody else, or calculate for long.
OBJECTS: Final = {
    "requests.Session": _HTTP,
    "requests.session": _HTTP,
    "requests.sessions.Session": _HTTP,
    "httpx.Client": _HTTP,
    "urllib3.PoolManager": _HTTP,
    "http.client.HTTPConnection": _HTTP,
    "http.client.HTTPSConnection": _HTTP,
    "boto3.client": "aioboto3, or sync_to_async(…)",
    "boto3.resource": "aioboto3, or sync_to_async(…)",
    "boto3.session.Session": "aioboto3, or sync_to_async(…)",
    "redis.Redis": "redis.asyncio",
    "redis.StrictRedis": "redis.asyncio",
    "redis.from_url": "redis.asyncio",
    "pymongo.MongoClient": "pymongo.AsyncMongoClient",
    "elasticsearch.Elasticsearch": "elasticsearch.AsyncElasticsearch",
    "openai.OpenAI": "openai.AsyncOpenAI",
    "anthropic.Anthropic": "anthropic.AsyncAnthropic",
    "paramiko.SSHClient": _THREAD,
    "smtplib.SMTP": _THREAD,
    "smtplib.SMTP_SSL": _THREAD,
    "PIL.Image.open": _THREAD,
    "django.core.mail.EmailMessage": _THREAD,
    "django.core.mail.EmailMultiAlternatives": _THREAD,
    "subprocess.Popen": _PROCESS,
}
#: Methods of such objects that only look at what is there, or set something.
QUIET: Final = {
    *(
        "add_header",
        "attach",
        "attach_alternative",
        "attach_file",
        "close",
        "extract_cookies",
        "load_host_keys",
    ),
    *(
        "mount",
        "pipeline",
        "poll",
        "register_script",
        "set_debuglevel",
        "set_missing_host_key_policy",
        "getbands",
    ),
    *(
        "kill",
        "load_system_host_keys",
        "message",
        "recipients",
        "send_signal",
        "split",
        "terminate",
        "verify",
    ),
}

#: Methods of any object that read or write a whole file.
FILE_METHODS: Final = {"read_bytes", "read_text", "write_bytes", "write_text"}
#: Of the functions above, those that a helper is looked through for: what surely takes long.
LONG: Final = frozenset(
    name
    for name in FUNCTIONS
    if name.split(".")[0] in {"httpx", "requests", "smtplib", "subprocess", "time", "urllib"}
)
