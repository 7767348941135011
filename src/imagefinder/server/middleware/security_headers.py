"""Security headers: Content-Security-Policy, nosniff, frame and cross-origin policies."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CSP = "default-src 'none'; frame-ancestors 'none'"
_DOCS_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For FastAPI's documentation page; the web interface sets its own policy."""


class SecurityHeadersMiddleware:
    """Adds the headers that a response does not set itself."""

    def __init__(self, app: ASGIApp, cross_origin: bool = False) -> None:
        """``cross_origin`` allows pages of other origins to embed images."""
        self.app = app
        self.headers = dict(_HEADERS)
        if cross_origin:
            self.headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                html = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy", _DOCS_CSP if html else _CSP)
            await send(message)

        await self.app(scope, receive, send_with_headers)
