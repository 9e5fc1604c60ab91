"""`Local`: the one door to state on this machine's store.

Every caller holds a `Local` with its own identity (`as_`); all of them share one house: store, kinds, watch
hub. A verb is: authorise, read, decide (pure modules), commit with a precondition, answer. Invariant:
whoever asks, an object has passed the same admission; only `trusted` changes of our own controllers skip
the judging of what was judged as a template before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pinnace.kinds.catalogue import WORKFLOW_NODES
from pinnace.objects.authorisation import Authoriser, MastersOnly, RoleBased
from pinnace.objects.client import SYSTEM, Identity
from pinnace.objects.emptying import Emptier
from pinnace.objects.house import Catalogue, House
from pinnace.objects.projection import Projection
from pinnace.objects.single_nodes import SingleNodes
from pinnace.objects.verbs.deletes import Deletes
from pinnace.objects.verbs.reads import Reads
from pinnace.objects.verbs.transactions import Transactions
from pinnace.objects.verbs.writes import Writes
from pinnace.objects.virtual import Virtual
from pinnace.objects.workflow_nodes import WORKFLOWS, WorkflowNodes
from pinnace.objects.writing import Quota
from pinnace.store.interface import Store


class Local(Reads, Writes, Deletes, Transactions):
    """See `client.Transactional` for the verbs."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        identity: Identity = SYSTEM,
        *,
        authoriser: Authoriser | None = None,
        projections: Mapping[str, Projection] | None = None,
        virtual: Mapping[str, Virtual] | None = None,
        quota: Quota | None = None,
    ) -> None:
        self.identity = identity
        self.house = House(store, catalogue, authoriser or MastersOnly(), dict(projections or {}), quota)
        self.house.virtual.update(virtual or {})
        system = self if identity is SYSTEM else self.as_(SYSTEM)
        self.house.emptier = Emptier(store, catalogue, system)

    @classmethod
    def open(cls, store: Store, catalogue: Catalogue, identity: Identity = SYSTEM) -> Local:
        """With everything of ours: the definitions that are stored, Workflows with their nodes."""
        workflows = catalogue.key(WORKFLOWS)
        assert workflows is not None
        nodes = WorkflowNodes(store, workflows)
        return cls(
            store, catalogue, identity, authoriser=RoleBased(store), projections={WORKFLOWS: nodes},
            virtual={WORKFLOW_NODES.key: SingleNodes(store)},
        )

    def as_(self, identity: Identity) -> Local:
        """The same house, entered by somebody else."""
        other = object.__new__(Local)
        other.identity = identity
        other.house = self.house
        return other

    def close(self) -> None:
        """Ends every watch."""
        self.house.hub.close()
        self.house.emptier.close()

    def runs_in(self, isolation: Callable[[], str]) -> None:
        """Who knows in what isolation the node runs: no manifest may ask for less."""
        self.house.admission.isolation = isolation

    def start(self) -> None:
        """Once the loop runs: take up what an earlier life of the process left half done."""
        self.house.emptier.start()
