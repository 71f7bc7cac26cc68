"""Who trains together: one process, or several, each with a share of every batch."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from narrows import _backend
from narrows.errors import PeerError

AXIS = "shard"
NAME = 64  # bytes of a machine's name


@dataclass(frozen=True)
class Ranks:
    """Processes that train one network, and their devices, among which every batch is shared out by the places of its rows.

    Attributes
    ----------
    rank, size : int
        Which process this is, from 0 on, and how many there are.
    mesh : jax.sharding.Mesh or None
        The devices of all; None is one process with one device.
    hosts : tuple of str
        The machine of each process.
    """

    rank: int = 0
    size: int = 1
    mesh: Any = None
    hosts: tuple[str, ...] = field(default=("this machine",), compare=False)

    @property
    def shards(self) -> int:
        """In how many shares a batch is parted."""
        return 1 if self.mesh is None else int(self.mesh.devices.size)

    @property
    def mine(self) -> range:
        """Which of the shares are this process's."""
        each = self.shards // self.size
        return range(self.rank * each, (self.rank + 1) * each)

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks for all."""
        return self.rank == 0

    def share(self, batch_size: int) -> int:
        """Give the rows of a batch that each shard has room for."""
        return -(-batch_size // self.shards)

    def cut(self, order: np.ndarray, batch_size: int) -> np.ndarray:
        """Give what is this process's of an order.

        Parameters
        ----------
        order : ndarray of shape (steps * batch_size,), int32
        batch_size : int

        Returns
        -------
        ndarray of shape (own shards, steps * share), int32
            Of each own shard; -1 where a batch has no row for a place.
        """
        each = self.share(batch_size)
        padded = np.full((len(order) // batch_size, self.shards * each), -1, np.int32)
        padded[:, :batch_size] = order.reshape(-1, batch_size)
        mine = padded.reshape(-1, self.shards, each)[:, self.mine.start : self.mine.stop]
        return np.ascontiguousarray(mine.transpose(1, 0, 2)).reshape(len(self.mine), -1)

    def place(self, own: np.ndarray) -> Any:
        """Put arrays of this process's shards, one after another along the first axis, on their devices."""
        import jax

        if self.mesh is None:
            return jax.device_put(own)
        shape = (len(own) // len(self.mine) * self.shards, *own.shape[1:])
        return jax.make_array_from_process_local_data(self._along_rows, own, shape)

    def place_copies(self, same: np.ndarray) -> Any:
        """Put an array that all processes have on each device."""
        return self.place(same if len(self.mine) == 1 else np.concatenate([same] * len(self.mine)))

    def replicate(self, values: Any) -> Any:
        """Put what all processes have on all devices, as one; a tree of arrays."""
        import jax

        if self.mesh is None:
            return values
        return jax.tree.map(
            lambda value: jax.make_array_from_process_local_data(self.replicated, np.asarray(value), np.shape(value)), values
        )

    def take(self, values: Any, *places: Any) -> Any:
        """Give rows by their places on their own shards; within a compiled program.

        Parameters
        ----------
        values : array of shape (shards * n, ...)
        *places : array of shape (share,), or (shards, share) where there is a mesh

        Returns
        -------
        array of shape (len(places) * shards * share, ...)
        """
        import jax
        import jax.numpy as jnp
        from jax.sharding import PartitionSpec

        def chosen(values: Any, places: Any) -> Any:
            return values.at[places.reshape(-1)].get(mode="promise_in_bounds")

        if self.mesh is None:
            return chosen(values, places[0] if len(places) == 1 else jnp.concatenate(places))
        along = PartitionSpec(AXIS)
        at_home = jax.shard_map(chosen, mesh=self.mesh, in_specs=(along, along), out_specs=along)
        taken = [at_home(values, one) for one in places]
        return taken[0] if len(taken) == 1 else jnp.concatenate(taken)

    def by_shards(self, function: Any, same: Any, rows: Any, also: Any) -> Any:
        """Call a function on each shard with its own part of `rows`, beside what is the same on all; what it gives must be so too."""
        import jax
        from jax.sharding import PartitionSpec

        specs = PartitionSpec(), PartitionSpec(AXIS), PartitionSpec()
        return jax.shard_map(function, mesh=self.mesh, in_specs=specs, out_specs=PartitionSpec(), check_vma=False)(same, rows, also)

    @staticmethod
    def total(values: Any) -> Any:
        """Sum over all shards, within a function that is called by shards."""
        from jax import lax

        return lax.psum(values, AXIS)

    @property
    def replicated(self) -> Any:
        """Give the sharding of what is the same on all devices; None where there is but one."""
        return self._sharding()

    @property
    def _along_rows(self) -> Any:
        return self._sharding(AXIS)

    def _sharding(self, *axes: str) -> Any:
        if self.mesh is None:
            return None
        from jax.sharding import NamedSharding, PartitionSpec

        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def agree(self, *told: float) -> np.ndarray:
        """Tell all processes some numbers, and hear theirs; shape (size, len(told)). All must ask at the same point."""
        if self.size == 1:
            return np.array([told])
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(np.array(told, np.float32))).reshape(self.size, -1)

    def from_first(self, content: bytes | None) -> bytes:
        """Give all processes the bytes that the first one has; what the others have counts for nothing."""
        if self.size == 1:
            return content or b""
        from jax.experimental import multihost_utils

        length = int(multihost_utils.broadcast_one_to_all(np.int32(len(content or b"") if self.leads else 0)))
        room = np.zeros(length, np.uint8)
        if self.leads:
            room[:] = np.frombuffer(content or b"", np.uint8)
        return bytes(np.asarray(multihost_utils.broadcast_one_to_all(room)).astype(np.uint8)) if length else b""

    @contextlib.contextmanager
    def together(self, what: str) -> Iterator[None]:
        """Do something that may fail on some of the processes only; then it fails on all of them.

        Raises
        ------
        PeerError
            If it failed elsewhere.
        """
        if self.size == 1:
            yield
            return
        try:
            yield
        except Exception:
            self.agree(1)
            raise
        failed = np.flatnonzero(self.agree(0)[:, 0])
        if len(failed):
            raise PeerError(f"worker {failed[0]} of {self.size} failed {what}; it says why")


ALONE = Ranks()
_current = ALONE
stopping = threading.Event()  # set where Ctrl-C cannot reach this process: training ends after its chunk, as by Ctrl-C

ADDRESS = "JAX_COORDINATOR_ADDRESS"
SIZES = ("JAX_NUM_PROCESSES", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
RANKS = ("JAX_PROCESS_ID", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")


def current() -> Ranks:
    """Give the processes that this one trains with: itself only, unless it has joined others."""
    return _current


def joined(address: str | None = None, size: int | None = None, rank: int | None = None, **options: Any) -> Ranks:
    """Join the processes of a run, before anything is computed; from then on every training in this process is theirs together.

    Parameters
    ----------
    address : str, default=None
        ``host:port`` of the first process; None, as for the next two, is what the environment says: ``JAX_COORDINATOR_ADDRESS`` with
        ``JAX_NUM_PROCESSES`` and ``JAX_PROCESS_ID`` or what SLURM, Open MPI and MPICH say in their place; or what JAX finds of
        SLURM, Open MPI and Kubernetes without any.
    size, rank : int, default=None
        How many processes there are, and which this is.
    **options
        More for `jax.distributed.initialize`.

    Returns
    -------
    Ranks

    Raises
    ------
    PeerError
        If the others do not come, the environment does not say who they are, or something was computed before.
    """
    import jax

    if address is None and os.environ.get(ADDRESS):
        address, size, rank = os.environ[ADDRESS], _said(SIZES), _said(RANKS)
    try:
        jax.distributed.initialize(address, size, rank, **options)
    except (RuntimeError, ValueError) as problem:
        raise PeerError(
            f"this process could not join the others of its run ({str(problem).partition(chr(10))[0].rstrip('.')}): start it by srun or "
            f"mpirun, or set {ADDRESS}=HOST:PORT of the first process, {SIZES[0]} and {RANKS[0]} for each, before anything is computed"
        ) from problem
    _backend.keras()
    devices = np.array(jax.devices())
    here = Ranks(jax.process_index(), jax.process_count(), jax.sharding.Mesh(devices, (AXIS,)) if len(devices) > 1 else None)
    name = socket.gethostname().encode()[:NAME].ljust(NAME, b"\0")
    hosts = here.agree(*name).astype(np.uint8)
    return _set(replace(here, hosts=tuple(bytes(host).rstrip(b"\0").decode(errors="replace") for host in hosts)))


def _said(names: tuple[str, ...]) -> int | None:
    found = next((os.environ[name] for name in names if os.environ.get(name)), None)
    return int(found) if found is not None and found.isdecimal() else None


def left() -> None:
    """Leave the others: this process trains alone again."""
    import jax

    stopping.clear()
    _set(ALONE)
    with contextlib.suppress(RuntimeError):
        jax.distributed.shutdown()


@contextlib.contextmanager
def on_devices(devices: list[Any]) -> Iterator[Ranks]:
    """Share every batch out among several devices of this process."""
    import jax

    try:
        yield _set(Ranks(0, 1, jax.sharding.Mesh(np.array(devices), (AXIS,))))
    finally:
        _set(ALONE)


def _set(ranks: Ranks) -> Ranks:
    global _current
    _current = ranks
    return ranks
