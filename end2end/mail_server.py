"""A real SMTP server for tests, on 127.0.0.1. Each mail becomes one JSON file in a folder.
It refuses the addresses in the file "refused" of that folder.

With --certificate and --key it accepts nothing before STARTTLS; with --user and --password it requires authentication."""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        # After a restart the numbers continue.
        self.number = len(list(self.folder.glob("*.json")))

    async def handle_RCPT(self, server, session, envelope, address, options):
        # Read for every recipient: the list changes while the server runs.
        refused = self.folder / "refused"
        if refused.exists() and address in refused.read_text().split():
            return "550 nobody here has this address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: body.get_content() if (body := mail.get_body((kind,))) else None
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(mail["subject"]),
            "headers": {name: str(value) for name, value in mail.items()},
            "text": part("plain"),
            "html": part("html"),
            "kind": mail.get_content_type(),
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
        }
        # Renamed once complete, so that no reader sees half a mail.
        path = self.folder / f"{self.number:04}.json"
        self.number += 1
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(record))
        partial.rename(path)
        return "250 OK"


def settings(args):
    """What the server requires of its clients."""
    options = {"enable_SMTPUTF8": True}
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)
        options |= {"tls_context": context, "require_starttls": True}
    if args.user:
        right = (args.user.encode(), args.password.encode())
        check = lambda server, session, envelope, mechanism, data: AuthResult(
            success=(data.login, data.password) == right, handled=False
        )
        options |= {"auth_required": True, "authenticator": check}
    return options


async def main(args):
    handler, options = Handler(args.folder), settings(args)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, **options), "127.0.0.1", args.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("port", type=int)
parser.add_argument("folder")
for option in ("--certificate", "--key", "--user", "--password"):
    parser.add_argument(option)
asyncio.run(main(parser.parse_args()))
