"""What is in a mail, and is a file one? Its subject and text are the document; sender and date are facts about it.

Source: RFC 5322 and 2045; parsed by the standard library.
"""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

HEADERS = re.compile(
    rb"(?:From |(?:[A-Za-z][A-Za-z-]{1,40}: ?[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2,})", re.ASCII
)  # two headers, or the line with which a mailbox begins
KNOWN = re.compile(rb"^(from|subject|date|to|message-id|newsgroups|received|return-path|path|organization|lines):", re.I | re.M)


def looks(content: bytes) -> bool:
    """Whether a file begins with the headers of a mail."""
    head = content[:4000]
    return HEADERS.match(head) is not None and len({found.lower() for found in KNOWN.findall(head)}) >= 2


def parsed(content: bytes) -> tuple[str, dict[str, str]]:
    """The text of a mail with its subject above it, and its sender and date ("" where it has none)."""
    message = email.message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    facts = {"from": _header(message, "from"), "date": _date(_header(message, "date"))}
    text = "\n\n".join(part for part in (_header(message, "subject"), _body(message)) if part)
    return text, facts


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, "")).strip()
    except Exception:  # the parser's own failures on damaged headers: the mail still has a text
        return ""


def _body(message: EmailMessage) -> str:
    try:
        part = message.get_body(preferencelist=("plain", "html"))
        if part is not None:
            return str(part.get_content()).strip()
    except Exception:  # unknown encodings and damaged parts
        pass
    payload = message.get_payload(decode=False)
    return payload.strip() if isinstance(payload, str) else ""


def _date(text: str) -> str:
    """A mail's date in ISO form; "" when it is none."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=None).isoformat(" ")
    except (TypeError, ValueError, IndexError, OverflowError):
        return ""
