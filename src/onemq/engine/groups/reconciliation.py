"""How a member comes from what it has to what it is to have: first it gives up, then it gets.

Pure: changes the member it is given and nothing else.
Spec: KIP-848, "Rebalance Process" (CurrentAssignmentBuilder).
"""

from onemq.engine.groups.assignors import Partitions
from onemq.engine.groups.consumer_member import AWAITING, REVOKING, SETTLED, ConsumerMember

Owners = dict[tuple[bytes, int], str]
"""Partition to the id of the member that has it, or has yet to give it up."""


def reconcile(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    subscribed: dict[bytes, bool],
    owners: Owners,
    subscription_changed: bool,
) -> None:
    """Takes the member as far towards the target as it can go now.

    owned: what the member says it has; None: it did not say. subscribed: ids of topics that it reads.
    """
    if member.state == SETTLED:
        if member.epoch != target_epoch:
            _advance(member, target, target_epoch, owned, subscribed, owners)
        elif subscription_changed:
            _drop_unsubscribed(member, owned, subscribed)
    elif member.state == REVOKING and _owns_any(owned, member.revoking):
        if subscription_changed:
            _drop_unsubscribed(member, owned, subscribed)
    else:
        _advance(member, target, target_epoch, owned, subscribed, owners)


def _owns_any(owned: Partitions | None, revoked: Partitions) -> bool:
    if owned is None:
        return True
    for topic_id, partitions in owned.items():
        if not partitions.isdisjoint(revoked.get(topic_id, set())):
            return True
    return False


def _drop_unsubscribed(
    member: ConsumerMember, owned: Partitions | None, subscribed: dict[bytes, bool]
) -> None:
    """The member reads some topics no more: it gives these up at once, without waiting for a new target."""
    kept: Partitions = {}
    revoking: Partitions = {topic_id: set(numbers) for topic_id, numbers in member.revoking.items()}
    for topic_id, partitions in member.assigned.items():
        if topic_id in subscribed:
            kept[topic_id] = partitions
        else:
            revoking.setdefault(topic_id, set()).update(partitions)
    if len(kept) == len(member.assigned):
        return
    if _owns_any(owned, revoking):
        member.state = REVOKING
        member.revoking = revoking
    member.enter_epoch(member.epoch)
    member.assigned = kept


def _advance(
    member: ConsumerMember,
    target: Partitions,
    target_epoch: int,
    owned: Partitions | None,
    subscribed: dict[bytes, bool],
    owners: Owners,
) -> None:
    kept: Partitions = {}
    revoking: Partitions = {}
    coming: Partitions = {}
    others_hold = False
    for topic_id in sorted(set(target) | set(member.assigned)):
        wanted = target.get(topic_id, set()) if topic_id in subscribed else set()
        has = member.assigned.get(topic_id, set())
        _put(kept, topic_id, has & wanted)
        _put(revoking, topic_id, has - wanted)
        free: set[int] = set()
        for partition in wanted - has:
            if owners.get((topic_id, partition), member.member_id) == member.member_id:
                free.add(partition)
            else:
                others_hold = True
        _put(coming, topic_id, free)
    if revoking and _owns_any(owned, revoking):
        member.enter_epoch(member.epoch)
        member.state = REVOKING
        member.assigned = kept
        member.revoking = revoking
        return
    for topic_id, partitions in coming.items():
        kept[topic_id] = kept.get(topic_id, set()) | partitions
    member.enter_epoch(target_epoch)
    member.state = AWAITING if others_hold else SETTLED
    member.assigned = kept
    member.revoking = {}


def _put(partitions: Partitions, topic_id: bytes, numbers: set[int]) -> None:
    if numbers:
        partitions[topic_id] = numbers
