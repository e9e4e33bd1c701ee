"""Judges whose rights the checks ran with: only the service's own user shows what the service may do."""

from collections.abc import Sequence

from agent.core.diagnosis.finding import Finding, fail, ok, warn


def judge_account(wanted: str, *, exists: bool, own: str, missing_groups: Sequence[str]) -> list[Finding]:
    """Judge the user that the checks ran as.

    `wanted` is the service's user, `own` the user who ran the checks. `missing_groups` are the groups of this machine
    that the settings need and `wanted` is not in.
    """
    if not exists:
        return [
            fail(
                f"there is no user {wanted}, which the service runs as",
                "`sudo systemd-sysusers`, or reinstall the package",
            )
        ]
    findings = [
        fail(
            f"user {wanted} is not in group {group}",
            f"`sudo usermod -aG {group} {wanted}`, then `sudo systemctl try-restart edge-agent`",
        )
        for group in missing_groups
    ]
    if own != wanted:
        findings.append(warn(f"checked with the rights of {own}, not of {wanted}", "run the doctor with sudo"))
    return findings or [ok(f"checked with the rights of {wanted}, the service's user")]
