"""What a file is by its name.

A table of our own and no other: what Python's ``mimetypes`` says depends on files of the machine, so that a
script could be ``text/plain`` on one server and run on another.
"""

from collections.abc import Mapping
from typing import Final

#: What nothing is known of. With ``nosniff`` no browser makes more of it.
UNKNOWN: Final = "application/octet-stream"

#: By suffix, in lower case. Text is UTF-8; JSON and XML say so themselves (RFC 8259 section 8.1, XML 1.0
#: section 4.3.3), and have no such parameter.
TYPES: Final[Mapping[str, str]] = {
    ".7z": "application/x-7z-compressed",
    ".aac": "audio/aac",
    ".apk": "application/vnd.android.package-archive",
    ".apng": "image/apng",
    ".atom": "application/atom+xml",
    ".avi": "video/x-msvideo",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".bz2": "application/x-bzip2",
    ".cjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eot": "application/vnd.ms-fontobject",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".gif": "image/gif",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".htm": "text/html; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".ics": "text/calendar; charset=utf-8",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".json5": "application/json5",
    ".jsonld": "application/ld+json",
    ".jxl": "image/jxl",
    ".log": "text/plain; charset=utf-8",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mid": "audio/midi",
    ".mjs": "text/javascript; charset=utf-8",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpd": "application/dash+xml",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rar": "application/vnd.rar",
    ".rss": "application/rss+xml",
    ".rtf": "application/rtf",
    ".svg": "image/svg+xml",
    ".tar": "application/x-tar",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".ts": "video/mp2t",
    ".ttc": "font/collection",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".usdz": "model/vnd.usdz+zip",
    ".vcf": "text/vcard; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".xz": "application/x-xz",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}

#: Names that mean something as a whole: files below ``/.well-known/`` have no suffix.
_NAMES: Final = {
    "apple-app-site-association": "application/json",
    "security.txt": "text/plain; charset=utf-8",
}


def media_type(name: str) -> str:
    """Return the value of Content-Type for a file of this name, of which the last suffix counts."""
    last = name.rpartition("/")[2].lower()
    known = _NAMES.get(last)
    if known is not None:
        return known
    stem, dot, suffix = last.rpartition(".")
    return TYPES.get(dot + suffix, UNKNOWN) if stem else UNKNOWN
