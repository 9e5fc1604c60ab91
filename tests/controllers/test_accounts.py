"""Tokens of pods: which folder a pod sees, what is in it, when it is renewed; Secrets that hold one."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import NAMESPACE, SECRET, SERVICE_ACCOUNT
from pinnace.controllers.controller import Key
from pinnace.controllers.core.account_secrets import NAME, TYPE, AccountSecrets
from pinnace.controllers.pods.accounts import Accounts, Laid, Wanted
from pinnace.controllers.pods.found import Blocked
from pinnace.home import Home
from pinnace.kinds.catalogue import Catalogue
from pinnace.kinds.resource import Obj
from pinnace.objects.local import Local
from pinnace.objects.tokens import InvalidToken, Tokens, expiry
from pinnace.store.interface import Event
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


class World:
    def __init__(self, root: Path) -> None:
        self.home = Home.at(root)
        self.home.certificates.mkdir(parents=True)
        (self.home.certificates / "ca.crt").write_text("CA")
        self.store = SqliteStore.open(":memory:")
        self.client = Local.open(self.store, Catalogue.builtin())
        self.tokens = Tokens(self.home, self.store)
        self.accounts = Accounts(self.client, self.home, self.tokens)

    async def account(self, name: str = "default", **fields: Any) -> Obj:
        return await self.client.create(SERVICE_ACCOUNT, {"metadata": {"name": name}, **fields}, "a")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.client.create(NAMESPACE, {"metadata": {"name": "a"}})
    yield made
    made.client.close()
    await made.store.close()


def pod(uid: str = "u", **spec: Any) -> Obj:
    meta = {"name": "p", "namespace": "a", "uid": uid}
    return {"metadata": meta, "spec": {"restartPolicy": "Never", **spec}}


async def test_what_runs_to_its_end_shares_a_folder(world: World) -> None:
    await world.account()
    folder = await world.accounts.folder(pod("one"))
    assert folder == await world.accounts.folder(pod("two"))
    assert (Path(folder) / "namespace").read_text() == "a"
    assert (Path(folder) / "ca.crt").read_text() == "CA"
    found = world.tokens.check((Path(folder) / "token").read_text())
    assert found.identity.user == "system:serviceaccount:a:default"


async def test_what_stays_has_its_own(world: World) -> None:
    await world.account()
    folder = await world.accounts.folder(pod("one", restartPolicy="Always"))
    assert folder.startswith(str(world.home.pod("one")))
    with pytest.raises(InvalidToken, match="invalidated"):  # no such Pod is stored
        world.tokens.check((Path(folder) / "token").read_text())


async def test_who_wants_none_gets_none(world: World) -> None:
    await world.account()
    await world.account("shy", automountServiceAccountToken=False)
    assert await world.accounts.folder(pod(automountServiceAccountToken=False)) == ""
    assert await world.accounts.folder(pod(serviceAccountName="shy")) == ""
    assert await world.accounts.folder(pod(serviceAccountName="shy", automountServiceAccountToken=True))
    assert await world.accounts.folder(pod(serviceAccountName="nobody")) == ""


async def test_a_new_namespace_is_waited_for(world: World) -> None:
    with pytest.raises(Blocked) as caught:
        await world.accounts.folder(pod())
    assert caught.value.awaits is not None
    await world.account()
    assert await world.accounts.folder(pod())


async def test_tokens_are_renewed_in_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.account()
    stays = pod("one", restartPolicy="Always")
    shared, own = await world.accounts.folder(pod()), await world.accounts.folder(stays)
    before = [expiry(Path(folder, "token").read_text()) for folder in (shared, own)]
    await world.accounts.renew([stays])
    assert [expiry(Path(folder, "token").read_text()) for folder in (shared, own)] == before
    later = time.time() + 3000
    monkeypatch.setattr(time, "time", lambda: later)
    world.tokens._clock = lambda: later
    again = Accounts(world.client, world.home, world.tokens)  # as after a restart
    await again.folder(pod())
    await again.renew([stays])
    after = [expiry(Path(folder, "token").read_text()) for folder in (shared, own)]
    assert all(new > old for new, old in zip(after, before, strict=True))


async def test_a_volume_holds_tokens_beside_other_files(world: World) -> None:
    await world.account()
    laid = Laid(str(world.home.root / "v"), {"x": b"1"}, {"t": 0o600}, (Wanted("t", "vault", 700),))
    await world.accounts.lay(pod(), [laid])
    assert (world.home.root / "v/x").read_bytes() == b"1"
    assert (world.home.root / "v/t").stat().st_mode & 0o777 == 0o600


async def test_an_account_that_goes_takes_its_folder_along(world: World) -> None:
    account = await world.account()
    folder = await world.accounts.folder(pod())
    world.accounts.changed(Event(9, "DELETED", "serviceaccounts", "a", "default", account))
    assert not Path(folder).exists()


async def test_a_secret_of_an_account_is_filled_and_goes_with_it(world: World) -> None:
    await world.account()
    made = {"metadata": {"name": "s", "annotations": {NAME: "default"}}, "type": TYPE}
    await world.client.create(SECRET, made, "a")
    controller = AccountSecrets(world.client, world.tokens, world.home.certificates / "ca.crt")
    await controller.reconcile(Key("a", "s"))
    secret = await world.client.get(SECRET, "s", "a")
    token = base64.b64decode(secret["data"]["token"]).decode()
    assert world.tokens.check(token).identity.user == "system:serviceaccount:a:default"
    await world.client.delete(SERVICE_ACCOUNT, "default", "a")
    await controller.reconcile(Key("a", "s"))
    assert world.client.peek(SECRET, "s", "a") is None
    with pytest.raises(InvalidToken):
        world.tokens.check(token)
