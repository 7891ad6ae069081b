"""A real SMTP server for tests, on 127.0.0.1. Each mail becomes one JSON file in a folder.
It refuses the addresses that stand in the folder's file "refused".

With --certificate and --key it takes nothing before STARTTLS, with --user and --password nothing from anybody else."""

import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        # A server that is started again goes on counting.
        self.number = len(list(self.folder.glob("*.json")))

    async def handle_RCPT(self, server, session, envelope, address, options):
        # Read anew each time: whom it refuses changes while it runs.
        refused = self.folder / "refused"
        if refused.exists() and address in refused.read_text().split():
            return "550 nobody here has this address"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

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
            "kind": mail.get_content_type(),
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
        }
        # Renamed when whole, so that no reader sees half a mail.
        whole = self.folder / f"{self.number:04}.json"
        self.number += 1
        begun = whole.with_suffix(".part")
        begun.write_text(json.dumps(told))
        begun.rename(whole)
        return "250 OK"


def settings(args):
    """What the server asks of its clients."""
    asked = {"enable_SMTPUTF8": True}
    if args.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(args.certificate, args.key)
        asked |= {"tls_context": context, "require_starttls": True}
    if args.user:
        right = (args.user.encode(), args.password.encode())
        check = lambda server, session, envelope, mechanism, data: AuthResult(
            success=(data.login, data.password) == right, handled=False
        )
        asked |= {"auth_required": True, "authenticator": check}
    return asked


async def main(args):
    keep, asked = Keep(args.folder), settings(args)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keep, **asked), "127.0.0.1", args.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("port", type=int)
parser.add_argument("folder")
for option in ("--certificate", "--key", "--user", "--password"):
    parser.add_argument(option)
asyncio.run(main(parser.parse_args()))
