"""An SMTP server that writes every message it takes as a line of JSON. Arguments: port, file, domain to refuse."""

import asyncio
import json
import os
import sys

from aiosmtpd.controller import UnthreadedController


class Sink:
    def __init__(self, path, refused):
        self.file = open(path, "a", encoding="utf-8")
        self.refused = refused

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@" + self.refused):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message": envelope.content.decode("utf-8", "replace"),
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        return "250 taken"


loop = asyncio.new_event_loop()
controller = UnthreadedController(
    Sink(sys.argv[2], sys.argv[3]), hostname="127.0.0.1", port=int(sys.argv[1]), loop=loop
)
controller.begin()
loop.run_forever()
