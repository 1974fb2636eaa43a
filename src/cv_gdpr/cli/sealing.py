"""The signer, the authority and the anchors of trust that options name; OpenSSH and the extra are looked for on use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cv_gdpr.cli.output import printable
from cv_gdpr.errors import NotSealed, UsageError
from cv_gdpr.platforms.shells import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from cv_gdpr.evidence.approval import Approval
    from cv_gdpr.evidence.seals import Seals
    from cv_gdpr.sealing.checking import Anchors
    from cv_gdpr.sealing.ssh import Signer, Signers


def seals_of(sign_with: Path | None, timestamp_from: str | None, approval: Approval | None = None) -> Seals:
    """Return who signs and who time-stamps, after a trial signature; raise UsageError."""
    from cv_gdpr.evidence.seals import NO_SEALS, Seals

    if not (sign_with or timestamp_from or approval):
        return NO_SEALS
    from cv_gdpr.sealing.authority import authority_at
    from cv_gdpr.sealing.ssh import signer_with

    authority = authority_at(timestamp_from) if timestamp_from else None
    return Seals(signer_with(sign_with) if sign_with else None, authority, approval)


@contextmanager
def before_deletion(words: str) -> Iterator[None]:
    """Add to the hint of a signature or time-stamp that is not available what has been deleted until now: `words`."""
    try:
        yield
    except NotSealed as error:
        error.hint = f"{words}{f'; {error.hint}' if error.hint else ''}"
        raise


def anchors_of(signers: Path | None, certificates: Path | None) -> Anchors:
    """Return whom a verification trusts; raise UsageError for a file that names nobody, or if nothing can be checked.

    Without ssh-keygen every signature would fail: that ends the run before it begins.
    """
    from cv_gdpr.sealing.checking import Anchors

    if not (signers or certificates):
        return Anchors()
    from cv_gdpr.sealing.ssh import required, signers_in
    from cv_gdpr.sealing.tokens import authorities_in

    if signers:
        required()
    return Anchors(
        signers_in(signers, "--signer") if signers else None, authorities_in(certificates) if certificates else None
    )


def approval_of(plan: Path, content: bytes, signers: Path, seals: Seals, operator: str | None) -> Seals:
    """Return the seals with who approved a plan; raise UsageError unless another person of the list signed it."""
    from cv_gdpr.evidence.approval import Approval
    from cv_gdpr.sealing.ssh import Wrong, is_pattern, is_same_name, signers_in

    listed, beside = signers_in(signers, "--approved-by"), plan.with_name(f"{plan.name}.sig")
    how = "an allowed signer signs it: cv-gdpr certify PLAN --sign KEY, or ssh-keygen -Y sign -n cv-gdpr -f KEY PLAN"
    if not beside.is_file():
        raise NotSealed(f"the plan {plan} is not approved: {beside.name} is not beside it", how)
    signature = beside.read_bytes()
    try:
        everyone = listed.everyone(signature, content)
    except Wrong as error:
        raise UsageError(f"the plan {plan} is not approved: {error}", how) from error
    who = everyone[0]
    if pattern := next((one.principal for one in everyone if is_pattern(one.principal)), None):
        words = f"{signers} names a pattern, not a person, for the key that approved the plan: {pattern}"
        raise UsageError(words, "give each person a line with a name")
    if seals.signer and seals.signer.fingerprint == who.key:
        raise UsageError(f"the key that approved the plan is that of --sign: {who.key}", "another person approves it")
    if operator and any(is_same_name(operator, one.principal) for one in everyone):
        raise UsageError(f"{who.principal} approved the plan, and is --operator", "another person approves it")
    signs = seals.signer and _names_of(seals.signer, listed)
    if signs and any(is_same_name(one.principal, name) for one in everyone for name in signs):
        raise UsageError(f"{who.principal} approved the plan, and owns the key of --sign", "another person approves it")
    return seals._replace(approval=Approval(who.principal, who.key, content, signature))


def _names_of(signer: Signer, listed: Signers) -> set[str]:
    """Return the names that a list has for the owner of a key; a list need not name who signs the evidence."""
    from cv_gdpr.sealing.ssh import TRIAL, Wrong

    try:
        return {one.principal for one in listed.everyone(signer.trial, TRIAL)}
    except Wrong:
        return set()


def print_lacking(lacking: Sequence[str], evidence: Path) -> None:
    """Say which signature or time-stamp is lacking at the end of a run, and how to get it."""
    for one in lacking:
        click.echo(f"Error: {printable(one)}; everything else is kept", err=True)
    if lacking:
        command = f"cv-gdpr certify {quoted(str(evidence))}"
        click.echo(f"Hint: {printable(command)} with --sign KEY or --timestamp URL completes it", err=True)
