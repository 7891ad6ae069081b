"""A real SMTP server for tests. Each mail becomes one JSON file in the folder argv[2]; listens on 127.0.0.1, port argv[1]."""

import asyncio
import email
import email.policy
import itertools
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP


class Keep:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.numbers = itertools.count()

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: body.get_content() if (body := mail.get_body((kind,))) else None
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(mail["subject"]),
            "headers": {name: str(value) for name, value in mail.items()},
            "text": part("plain"),
            "html": part("html"),
        }
        # Renamed when whole, so that no reader sees half a mail.
        whole = self.folder / f"{next(self.numbers):04}.json"
        begun = whole.with_suffix(".part")
        begun.write_text(json.dumps(told))
        begun.rename(whole)
        return "250 OK"


async def main(port, folder):
    keep = Keep(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keep, enable_SMTPUTF8=True), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
