"""A server over TLS that writes a line for whatever it takes. Arguments: http or mail, port, file, certificate, key."""

import asyncio
import http.server
import json
import ssl
import sys

what, port, path, certificate, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
out = open(path, "a", encoding="utf-8")


def note(line):
    out.write(json.dumps(line) + "\n")
    out.flush()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        note({"id": self.headers["webhook-id"], "bytes": len(body)})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


if what == "http":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Hook)
    # The handshake belongs to each connection's thread: whoever only looks whether the port is open must not hold it up.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
else:
    from aiosmtpd.controller import UnthreadedController

    class Sink:
        async def handle_DATA(self, server, session, envelope):
            note({"to": envelope.rcpt_tos, "tls": session.ssl is not None, "user": session.auth_data})
            return "250 taken"

    def login(server, session, envelope, mechanism, data):
        from aiosmtpd.smtp import AuthResult

        good = data.login == b"shop" and data.password == b"secret"
        return AuthResult(success=good, auth_data="shop" if good else None)

    loop = asyncio.new_event_loop()
    controller = UnthreadedController(
        Sink(),
        hostname="127.0.0.1",
        port=int(port),
        loop=loop,
        tls_context=context,
        require_starttls=True,
        authenticator=login,
        auth_required=True,
    )
    controller.begin()
    loop.run_forever()
