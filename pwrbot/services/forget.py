"""All that is kept about one user, taken away: docs/privacy.md lists it."""

from __future__ import annotations

from pwrbot.repository import Repository


async def forget_user(repository: Repository, user_id: int) -> dict[str, int]:
    """Take it away in all servers, in one transaction; how many rows of each table it concerned.

    Totals follow from the sessions. Not beside a running bot, which remembers some of it and would
    write it again. Raises DatabaseError; then nothing was taken away.
    """
    async with repository.transaction() as tx:
        follower = await tx.subscribers.by_target(kind="dm", target_id=user_id)
        asked = await tx.voice_removals.forget_asker(asked_by=user_id)
        return {
            "open_voice_sessions": await tx.open_voice_sessions.forget_user(user_id=user_id),
            "voice_sessions": await tx.voice_sessions.forget_user(user_id=user_id),
            "voice_removed_sessions": await tx.voice_removed_sessions.forget_user(user_id=user_id),
            "voice_removals": asked + await tx.voice_removals.forget_user(user_id=user_id),
            "voice_reward_holders": await tx.voice_reward_holders.forget_user(user_id=user_id),
            "voice_boards": await tx.voice_boards.forget_user(user_id=user_id),
            "voice_departures": await tx.voice_departures.forget_user(user_id=user_id),
            # With all they follow, and what was sent.
            "subscribers": int(follower is not None and await tx.subscribers.delete(follower.id)),
            # Whose address and name may be about them, where they alone followed it.
            "feeds": await tx.feeds.forget_unfollowed(),
            "member_preferences": int(await tx.member_preferences.delete(user_id)),
        }
