"""What is used of Django, in one place: it says nothing of its types, and so neither does this.

Importing this module imports Django, but reads no settings.
"""

from importlib import import_module
from typing import Any

_urls: Any = import_module("django.urls")
_resolvers: Any = import_module("django.urls.resolvers")
_wsgi: Any = import_module("django.core.handlers.wsgi")
_asgi: Any = import_module("django.core.handlers.asgi")
_exception: Any = import_module("django.core.handlers.exception")
_translation: Any = import_module("django.utils.translation")

django: Any = import_module("django")
settings: Any = import_module("django.conf").settings
apps: Any = import_module("django.apps").apps
connections: Any = import_module("django.db").connections
signals: Any = import_module("django.core.signals")
import_string: Any = import_module("django.utils.module_loading").import_string
#: asgiref's, which knows the marks of Django's own views too, on Python 3.11.
is_coroutine_function: Any = import_module("asgiref.sync").iscoroutinefunction
mark_coroutine_function: Any = import_module("asgiref.sync").markcoroutinefunction
is_lazy: Any = import_module("django.utils.functional").Promise

MiddlewareMixin: Any = import_module("django.utils.deprecation").MiddlewareMixin
CsrfViewMiddleware: Any = import_module("django.middleware.csrf").CsrfViewMiddleware
convert_exception_to_response: Any = _exception.convert_exception_to_response
response_for_exception: Any = _exception.response_for_exception
StreamingHttpResponse: Any = import_module("django.http").StreamingHttpResponse
HttpResponseBase: Any = import_module("django.http.response").HttpResponseBase

WSGIHandler: Any = _wsgi.WSGIHandler
WSGIRequest: Any = _wsgi.WSGIRequest
script_name_of: Any = _wsgi.get_script_name
ASGIHandler: Any = _asgi.ASGIHandler
ASGIRequest: Any = _asgi.ASGIRequest

get_resolver: Any = _urls.get_resolver
set_script_prefix: Any = _urls.set_script_prefix
Resolver404: Any = _urls.Resolver404
ResolverMatch: Any = _resolvers.ResolverMatch
LocalePrefixPattern: Any = _resolvers.LocalePrefixPattern

override_language: Any = _translation.override
language_of_path: Any = _translation.get_language_from_path
