"""What does the command `nmf-dashboard` do? It starts the server with our settings, wherever it is called from.

It is `streamlit run dashboard/app.py` with a few plain options and plain refusals.
May import the standard library, and streamlit once the arguments are understood.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.server.settings import EMBED_VARIABLE, LOG_LEVELS, LOG_VARIABLE, ORIGIN
from dashboard.work.environment import FOLDER_VARIABLE, OPEN_VARIABLE

APP = Path(__file__).resolve().parents[1] / "app.py"
LESSONS = "NMF_LESSONS"  # the same as in learn/shelf.py, which this file does not import: it starts without NumPy
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # the same as server.allowedHosts in .streamlit/config.toml

BASE_PATH = re.compile(r"/?([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*/?)?")

EPILOG = """\
Without --port, the first free port from 8501 on is taken.
Every other option of Streamlit has an environment variable, for example STREAMLIT_SERVER_MAX_UPLOAD_SIZE=200 (megabytes).
"""


class Refusal(Exception):
    """The server cannot start; the message says why and what to do."""


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(
        prog="nmf-dashboard",
        description="Explore non-negative matrix factorization in the browser. Listens on this computer only, sends nothing out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _say_who_may_come(parser)
    _say_what_is_shown(parser)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    parser.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="how much the log says (default: %(default)s)")
    return parser


def _say_who_may_come(parser: argparse.ArgumentParser) -> None:
    """Options on addresses, hosts and frames."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: %(default)s); 0.0.0.0 lets everyone on the network in",
    )
    parser.add_argument("--port", type=_port, help="the port to listen on; 0 for any free one")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name under which browsers reach this server, for example behind a proxy; may be repeated",
    )
    parser.add_argument(
        "--base-path",
        default="",
        metavar="PATH",
        help="answer under this path, for a proxy that passes https://example.org/PATH/ on",
    )
    parser.add_argument(
        "--embed-in",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may show the dashboard in a frame, for example https://course.example.org; may be repeated",
    )


def _say_what_is_shown(parser: argparse.ArgumentParser) -> None:
    """Options on files, folders and lessons."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a file or folder to open at once, as if it were dropped on the Data page; several are taken together",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="a folder whose files everybody may open from the Data page; it is only read"
    )
    parser.add_argument(
        "--lessons",
        metavar="DIR",
        help="a folder with lessons of your own, one folder with a lesson.toml each, to stand beside ours (docs/lessons.md)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is stopped; the exit code."""
    args = parser().parse_args(argv)
    try:
        check_address(args.host, args.port or 0)
        offer_lessons(args.lessons)
        given = environment(args)
    except Refusal as refusal:
        print(f"nmf-dashboard: {refusal}", file=sys.stderr)
        return 1
    names = allowed_hosts(args.host, args.allow_host)
    if not is_loopback(args.host):
        print(
            f"nmf-dashboard: anyone on the network can now open this dashboard. It answers to: {', '.join(names)}.",
            file=sys.stderr,
            flush=True,
        )

    import click
    from streamlit.web import cli

    os.environ.update(given)
    flags = [f"--server.address={args.host}"]
    if set(names) != set(LOOPBACK):  # else what config.toml or the environment says holds
        flags += [f"--server.allowedHosts={name}" for name in names]
    if args.port is not None:
        flags.append(f"--server.port={args.port}")
    if args.no_browser:
        flags.append("--server.headless=true")
    if args.base_path.strip("/"):
        flags.append(f"--server.baseUrlPath={args.base_path.strip('/')}")
    if args.embed_in:  # else the cookie that an upload needs is not sent from inside a frame
        flags.append("--server.xsrfCookieSameSite=none")
    with contextlib.suppress(click.Abort):  # Ctrl+C, which is how it is stopped
        cli.main(["run", str(APP), *flags], prog_name="nmf-dashboard", standalone_mode=False)
    return 0


def offer_lessons(folder: str | None) -> None:
    """Name the folder with lessons of one's own to the server; what is wrong with a lesson is said on the page Learn.

    Raises
    ------
    Refusal
        If it is no folder, or holds no lesson.
    """
    if folder is None:
        return
    if not Path(folder).is_dir():
        raise Refusal(f"{folder} is not a folder. Name one that holds a folder with a lesson.toml for each lesson.")
    if not any(Path(folder).glob("*/lesson.toml")):
        raise Refusal(f"{folder} holds no lesson: each is a folder in it with a file lesson.toml. See docs/lessons.md.")
    os.environ[LESSONS] = str(Path(folder).resolve())


def environment(args: argparse.Namespace) -> dict[str, str]:
    """What the server reads from its environment, checked.

    Raises
    ------
    Refusal
        If a file or folder is not there, an origin is none, or a path is none.
    """
    found = {LOG_VARIABLE: args.log_level}
    if args.files:
        missing = [name for name in args.files if not Path(name).exists()]
        if missing:
            raise Refusal(f"there is no file or folder {missing[0]!r}. Check its name and place.")
        found[OPEN_VARIABLE] = os.pathsep.join(str(Path(name).resolve()) for name in args.files)
    if args.data is not None:
        if not Path(args.data).is_dir():
            raise Refusal(f"there is no folder {args.data!r} for --data. Check its name and place.")
        found[FOLDER_VARIABLE] = str(Path(args.data).resolve())
    for origin in args.embed_in:
        if not ORIGIN.fullmatch(origin):
            raise Refusal(
                f"{origin!r} is no origin for --embed-in. Write the site alone, for example https://course.example.org."
            )
    if args.embed_in:
        found[EMBED_VARIABLE] = " ".join(args.embed_in)
    if not BASE_PATH.fullmatch(args.base_path):
        raise Refusal(f"{args.base_path!r} is no path for --base-path. Use letters, digits, - and _, for example tools/nmf.")
    return found


def check_address(host: str, port: int) -> None:
    """Refuse what cannot be listened on, in a sentence; port 0 checks the host alone.

    Raises
    ------
    Refusal
        If the port is taken or reserved, or the address is not one of this computer.
    """
    try:
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if sys.platform != "win32":  # as the server does; on Windows it would hide a conflict
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen(1)
    except OSError as wrong:
        if wrong.errno == errno.EADDRINUSE:
            raise Refusal(
                f"port {port} is in use. Is a dashboard already running? Choose another one with --port, or --port 0."
            ) from None
        if wrong.errno in (errno.EACCES, errno.EPERM):
            raise Refusal(f"port {port} is reserved on this computer. Choose one from 1024 on with --port.") from None
        raise Refusal(f"this computer has no address {host!r} to listen on. Leave --host out, or give one of its own.") from None


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allowed_hosts(host: str, further: Sequence[str] = ()) -> list[str]:
    """The names browsers may use for this server: loopback, the address itself, and for "all addresses" this computer's."""
    names = [*LOOPBACK, host, *further]
    if host in ("0.0.0.0", "::"):
        names.remove(host)
        names += own_names()
    return list(dict.fromkeys(names))


def own_names() -> list[str]:
    """The names and addresses of this computer on its network, as far as it knows them itself."""
    name = socket.gethostname()
    found = [name.lower(), f"{name.lower().removesuffix('.local')}.local"]
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(name, None)]
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):  # addresses nobody has
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))  # chooses the outgoing address; UDP sends nothing yet
            found.append(str(probe.getsockname()[0]))
    return found


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port; it is a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
