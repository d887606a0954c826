# What hybrid uses of gunicorn_h1c, which ships no types: the exceptions and the fast parser of request heads.

from gunicorn_h1c._parser_fast import HttpRequest as HttpRequest
from gunicorn_h1c._parser_fast import parse_request as parse_request_fast

__all__ = [
    "HttpRequest",
    "IncompleteError",
    "InvalidChunkExtension",
    "InvalidHTTPVersion",
    "InvalidHeader",
    "InvalidHeaderName",
    "InvalidRequestMethod",
    "LimitRequestHeaders",
    "LimitRequestLine",
    "ParseError",
    "parse_request_fast",
]

__version__: str

class IncompleteError(Exception): ...
class ParseError(ValueError): ...
class LimitRequestLine(ParseError): ...
class LimitRequestHeaders(ParseError): ...
class InvalidRequestMethod(ParseError): ...
class InvalidHTTPVersion(ParseError): ...
class InvalidHeaderName(ParseError): ...
class InvalidHeader(ParseError): ...
class InvalidChunkExtension(ParseError): ...
