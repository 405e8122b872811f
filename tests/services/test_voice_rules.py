"""Every rule, and the order in which they are asked."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pwrbot.entities import VoiceSettings
from pwrbot.services.voice_rules import Verdict, verdict
from pwrbot.services.voice_state import VoiceState

CHANNEL, AFK, ROLE = 10, 11, 12
MEMBER = VoiceState(1, 2, CHANNEL)
STRICT = VoiceSettings(
    self_deafened=False,
    muted=False,
    alone=False,
    ignored_channels=(CHANNEL,),
    ignored_roles=(ROLE,),
)


def judge(settings: VoiceSettings, state: VoiceState, company: int = 1) -> Verdict:
    return verdict(settings, state, afk_channel_id=AFK, company=company)


@pytest.mark.parametrize(
    "state",
    [
        MEMBER,
        replace(MEMBER, self_deafened=True),
        replace(MEMBER, muted=True),
        replace(MEMBER, deafened=True),
        replace(MEMBER, role_ids=frozenset({ROLE})),
    ],
)
def test_by_default_everything_counts_but_the_afk_channel(state: VoiceState) -> None:
    assert judge(VoiceSettings(), state, company=0) is Verdict.COUNTED
    assert judge(VoiceSettings(), replace(state, channel_id=AFK)) is Verdict.AFK_CHANNEL


@pytest.mark.parametrize(
    ("settings", "state", "company", "expected"),
    [
        (VoiceSettings(enabled=False), MEMBER, 1, Verdict.TRACKING_OFF),
        (VoiceSettings(), replace(MEMBER, bot=True), 1, Verdict.BOT),
        (VoiceSettings(), replace(MEMBER, channel_id=None), 0, Verdict.NOT_IN_VOICE),
        (VoiceSettings(ignored_channels=(CHANNEL,)), MEMBER, 1, Verdict.IGNORED_CHANNEL),
        (VoiceSettings(ignored_channels=(AFK,)), MEMBER, 1, Verdict.COUNTED),
        (
            VoiceSettings(ignored_roles=(ROLE, 99)),
            replace(MEMBER, role_ids=frozenset({7, ROLE})),
            1,
            Verdict.IGNORED_ROLE,
        ),
        (VoiceSettings(ignored_roles=(ROLE,)), MEMBER, 1, Verdict.COUNTED),
        (VoiceSettings(afk_channel=True), replace(MEMBER, channel_id=AFK), 1, Verdict.COUNTED),
        (
            VoiceSettings(self_deafened=False),
            replace(MEMBER, self_deafened=True),
            1,
            Verdict.SELF_DEAFENED,
        ),
        (VoiceSettings(self_deafened=False), replace(MEMBER, deafened=True), 1, Verdict.COUNTED),
        (VoiceSettings(muted=False), replace(MEMBER, muted=True), 1, Verdict.MUTED),
        (VoiceSettings(alone=False), MEMBER, 0, Verdict.ALONE),
        (VoiceSettings(alone=False), MEMBER, 1, Verdict.COUNTED),
    ],
)
def test_each_rule(
    settings: VoiceSettings, state: VoiceState, company: int, expected: Verdict
) -> None:
    assert judge(settings, state, company) is expected


def test_the_order_of_the_rules() -> None:
    """With everything against a member, taking off one reason after another shows the next."""
    settings = replace(STRICT, enabled=False)
    state = replace(
        MEMBER,
        bot=True,
        channel_id=None,
        self_deafened=True,
        muted=True,
        role_ids=frozenset({ROLE}),
    )
    seen = [judge(settings, state, 0)]
    settings = replace(settings, enabled=True)
    seen.append(judge(settings, state, 0))
    state = replace(state, bot=False)
    seen.append(judge(settings, state, 0))
    state = replace(state, channel_id=AFK)
    settings = replace(settings, ignored_channels=(AFK,))
    seen.append(judge(settings, state, 0))
    settings = replace(settings, ignored_channels=())
    seen.append(judge(settings, state, 0))
    settings = replace(settings, ignored_roles=())
    seen.append(judge(settings, state, 0))
    settings = replace(settings, afk_channel=True)
    seen.append(judge(settings, state, 0))
    state = replace(state, self_deafened=False)
    seen.append(judge(settings, state, 0))
    state = replace(state, muted=False)
    seen.append(judge(settings, state, 0))
    seen.append(judge(settings, state, 1))
    assert seen == [*list(Verdict)[1:], Verdict.COUNTED]
