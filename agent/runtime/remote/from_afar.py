"""Settings, keys and a reboot that the centre orders: checked, tried, confirmed or taken back, and reported.

New settings come into force by a restart of the core within its process, which takes a fraction of a second
(docs/decisions/0047-settings-from-afar.md). What is on disk decides, so whatever ends the agent, the next start knows
what to do.
"""

import queue
from collections.abc import Callable
from functools import partial
from typing import Any

from agent.contract.commands import Claims, ConfigSetArgs, KeysSetArgs, RebootArgs
from agent.contract.messages import ResultData
from agent.core.errors import ChangeRefused, StorageError
from agent.ports import Received
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.commands.handler import CommandHandler, CommandOutcome
from agent.runtime.commands.orders import OrderDone
from agent.runtime.remote.change import Change, InUse
from agent.runtime.remote.kept import Kept, KeySet, Layer, Order, Reboot, Trial
from agent.runtime.remote.signers import check_keys, check_second
from agent.runtime.remote.trial import TrialJudge, Verdict
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.main_loop import REBOOT, RESTART, MainLoop
from agent.runtime.uplink.announcer import Announcer
from agent.trust.jose_keys import KeyRing, VerifiedClaims

CONFIG = "config"
"""The name of this part in the health message, and of its thread."""
_ALARM_OPEN = "no new settings while an alarm is open"
_NO_REBOOT = "no reboot while an alarm is open"
_UNWRITTEN = "the disk does not take it"
_BUSY = "new settings are being tried, keys are being written, or the device restarts"


class FromAfar:
    """The worker of the thread `config`, which alone writes. The orders come on the thread `commands`."""

    def __init__(
        self,
        *,
        kept: Kept,
        trouble: str,
        in_use: InUse,
        context: Context,
        keys: KeyRing,
        alarms: Pipeline,
        judge: TrialJudge,
        announcer: Announcer,
        handler: CommandHandler,
        when_idle: Callable[[], None],
        simulated: bool,
    ) -> None:
        """`kept` is what the run began with, and `trouble` why nothing of it is in force; `when_idle` is called when
        there is nothing else to do."""
        self._kept = kept
        self._trouble = trouble
        self._in_use = in_use
        self._clock = context.clock
        self._board = context.board
        self._security = context.security
        self._keys = keys
        self._alarms = alarms
        self._announcer = announcer
        self._simulated = simulated
        self._handler = handler
        self._main_loop: MainLoop  # from `leave_by` on
        self._jobs: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._wanted = kept.wanted
        self._is_busy = kept.trial is not None
        self._writes_keys = False
        self._waiting: dict[str, Received] = {}
        """What brokers have kept for this device, and waits for a calm moment; by topic."""
        self._refused_keys = b""
        """The last order from `down/keys` that was refused: it comes again at every connection."""
        self._judge = judge
        self._when_idle = when_idle
        self._is_leaving = False
        """Whether the core is about to end: what is on disk is the next start's matter."""
        self._board.report(CONFIG, ok=not trouble, detail=trouble)
        self._resume()

    @property
    def kept(self) -> Kept:
        """What is on disk. Any thread."""
        return self._kept

    def leave_by(self, main_loop: MainLoop) -> None:
        """Restart and reboot by this. Call it before the thread runs."""
        self._main_loop = main_loop

    # --- on the thread `commands`

    def execute(
        self, args: ConfigSetArgs | KeysSetArgs | RebootArgs, claims: Claims, signer: VerifiedClaims
    ) -> CommandOutcome:
        """Begin what a verified command orders, unless it can't be done."""
        match args:
            case ConfigSetArgs():
                return self._config_set(args, claims, signer, None)
            case KeysSetArgs():
                return self._keys_set(args, claims, signer)
            case RebootArgs():
                return self._reboot(claims, signer)

    def _config_set(
        self, args: ConfigSetArgs, claims: Claims, signer: VerifiedClaims, retained: Received | None
    ) -> CommandOutcome:
        """Check new settings, and have them tried. Those that are `retained` at a broker can wait."""
        if (unready := self._why_not(args.revision, self._wanted)) is not None:
            return unready
        if self._alarms.open_ids:
            return CommandOutcome("failed", "alarm-open", _ALARM_OPEN)
        self._wanted = args.revision
        try:
            change = self._in_use.judge(self._kept, args.changes, signer.role)
            if change.two:
                check_second(self._keys, args.second, claims, signer, change.two)
        except ChangeRefused as refusal:
            reason = f"{refusal.code}: {refusal}"
            self._security.report(
                "config-refused", reason, revision=args.revision, issuer=signer.issuer, code=refusal.code
            )
            self._jobs.put(partial(self._refuse, args.revision, reason))
            return CommandOutcome("failed", refusal.code, str(refusal))
        self._is_busy = True
        self._security.report(
            "config-changed",
            f"trying revision {args.revision}",
            revision=args.revision,
            issuer=signer.issuer,
        )
        order = Order(kid=signer.kid, cmd_id=claims.cmd_id)
        layer = Layer(revision=args.revision, changes=change.layer)
        if change.is_none:
            self._jobs.put(partial(self._adopt, layer, order))
        else:
            self._jobs.put(partial(self._begin, layer, order, change, retained))
        return CommandOutcome("in-progress", "trying", f"trying revision {args.revision}")

    def outcome(self) -> dict[str, Any]:
        """Return what has become of the newest settings that were ordered, as `up/meta` has it. Any thread."""
        kept = self._kept
        return {"revision": kept.wanted, "state": kept.state, "reason": kept.reason}

    @property
    def wanted(self) -> int:
        """The highest revision of settings that a permitted signer has asked for."""
        return self._wanted

    def seen(self, name: str) -> int:
        """Return the highest revision of settings that was asked for, or of keys that was ever in force."""
        return self._wanted if name == "config-set" else self._kept.last_keys

    def desired(
        self, args: ConfigSetArgs | KeysSetArgs, claims: Claims, signer: VerifiedClaims, message: Received
    ) -> CommandOutcome | None:
        """Take an order that a broker has kept; None if it waits for a calm moment, or was refused before."""
        if isinstance(args, ConfigSetArgs):
            outcome = self._config_set(args, claims, signer, message)
        elif message.payload == self._refused_keys:
            return None
        else:
            outcome = self._keys_set(args, claims, signer, is_retained=True)
            if outcome.status == "failed" and outcome.code != "busy":
                self._refused_keys = message.payload
        if outcome.code in {"busy", "alarm-open"}:
            self._jobs.put(partial(self._wait, message))
            return None
        return outcome

    def _keys_set(
        self, args: KeysSetArgs, claims: Claims, signer: VerifiedClaims, *, is_retained: bool = False
    ) -> CommandOutcome:
        """Check a new key set, and have it put in force.

        One that is retained does not wait for the end of a trial: a stolen key would be obeyed until then. Should a
        restart cut it off, it comes again."""
        is_free = is_retained and self._may_take_keys
        if (unready := self._why_not(args.revision, self._kept.last_keys, is_free=is_free)) is not None:
            return unready
        try:
            check_keys(self._keys, args, claims, signer)
        except ChangeRefused as refusal:
            return CommandOutcome("failed", refusal.code, str(refusal))
        self._writes_keys = True  # the next revision is compared with this one
        self._jobs.put(partial(self._take_keys, KeySet(revision=args.revision, keys=args.keys), claims.cmd_id))
        return CommandOutcome("in-progress", "asked", f"writing {len(args.keys)} keys")

    def _reboot(self, claims: Claims, signer: VerifiedClaims) -> CommandOutcome:
        """Have the machine started again."""
        if self._is_busy or self._writes_keys:
            return CommandOutcome("failed", "busy", _BUSY)
        if self._alarms.open_ids:
            return CommandOutcome("failed", "alarm-open", _NO_REBOOT)
        self._is_busy = True
        self._jobs.put(partial(self._begin_reboot, Order(kid=signer.kid, cmd_id=claims.cmd_id)))
        return CommandOutcome("in-progress", "rebooting", "the machine starts again")

    @property
    def _may_take_keys(self) -> bool:
        """Whether a key set that is retained can be written now."""
        is_trying = self._kept.trial is not None and not self._is_leaving
        return not self._writes_keys and (is_trying or not self._is_busy)

    def _why_not(self, revision: int, last: int, *, is_free: bool = False) -> CommandOutcome | None:
        if revision <= last:
            text = f"revision {revision} is not above {last}, the last one seen"
            return CommandOutcome("failed", "old-revision", text)
        if self._trouble:
            return CommandOutcome("failed", "not-kept", self._trouble)
        is_free = is_free or not (self._is_busy or self._writes_keys)
        return None if is_free else CommandOutcome("failed", "busy", _BUSY)

    # --- on the thread `config`

    def run_once(self, timeout_s: float) -> None:
        """Do what was ordered, and watch over a trial; call `when_idle` when there is nothing else to do."""
        try:
            job = self._jobs.get(timeout=timeout_s)
        except queue.Empty:
            if self._is_leaving:
                pass
            elif (topic := self._ready()) is not None:
                # Verified again: its key may have been withdrawn meanwhile.
                self._handler.receive(self._waiting.pop(topic))
            elif self._kept.trial is not None:
                self._watch(self._kept.trial)
            else:
                self._when_idle()
        else:
            job()

    def _ready(self) -> str | None:
        """Return the topic of a kept order that need not wait any more. New settings wait for the end of an alarm."""
        is_calm = not (self._is_busy or self._writes_keys or self._alarms.open_ids)
        return next(
            (each for each in self._waiting if is_calm or (self._may_take_keys and each.endswith("/keys"))), None
        )

    def _wait(self, retained: Received) -> None:
        self._waiting[retained.topic] = retained

    def _refuse(self, revision: int, reason: str) -> None:
        # The order before it has ended and was told so: its job came first.
        self._save(self._kept.with_(wanted=revision, state="refused", reason=reason, order=None))
        self._report()

    def _adopt(self, layer: Layer, order: Order) -> None:
        """Put settings in force that change nothing, or nothing that another layer did not say already."""
        if self._save(self._kept.confirmed(layer).with_(wanted=layer.revision, order=order)):
            self._end("succeeded", "ok", f"revision {layer.revision} is in force, as it was already")
        else:
            self._fail(layer, order)

    def _begin(self, layer: Layer, order: Order, change: Change, retained: Received | None) -> None:
        cameras, degraded = self._judge.before()
        trial = Trial(
            revision=layer.revision,
            changes=layer.changes,
            cameras=cameras,
            degraded=degraded,
            is_watched=self._judge.is_watched and change.moves,
        )
        before = self._kept
        if self._alarms.open_ids:  # since it was checked
            self._wanted, self._is_busy = before.wanted, False
            if retained is not None:
                self._wait(retained)
            self._handler.order_done(OrderDone(order.cmd_id, False, "alarm-open", _ALARM_OPEN))
        elif self._save(before.with_(trial=trial, wanted=layer.revision, state="trying", reason="", order=order)):
            self._use(change.use)
        else:
            self._fail(layer, order)

    def _use(self, put_into_use: Callable[[], bool]) -> None:
        if put_into_use():
            self._judge.begin()
            self._report()
        else:
            self._leave(RESTART)

    def _fail(self, layer: Layer, order: Order) -> None:
        self._kept = self._kept.with_(wanted=layer.revision, state="failed", reason=_UNWRITTEN, order=order)
        self._end("failed", "not-kept", _UNWRITTEN)

    def _watch(self, trial: Trial) -> None:
        """Confirm the new settings when all has been well for a while, or go back."""
        match self._judge.judge(trial):
            case Verdict("confirm"):
                if self._save(self._kept.confirmed(trial)):
                    self._end("succeeded", "ok", f"revision {trial.revision} is in force")
                else:
                    self._go_back(_UNWRITTEN)
            case Verdict("go-back", reason):
                self._go_back(reason)

    def _go_back(self, reason: str) -> None:
        gone_back = self._kept.gone_back(reason)
        if not self._save(gone_back):
            self._kept = gone_back  # a start of the process before the next write finds the trial, and ends it too
        if self._in_use.go_back():
            self._tell_rolled_back()
        else:
            self._leave(RESTART)

    def _begin_reboot(self, order: Order) -> None:
        if not self._alarms.open_ids:
            reboot = Reboot(kid=order.kid, cmd_id=order.cmd_id, boot_id=self._clock.boot_id)
            self._save(self._kept.with_(reboot=reboot))  # without it only the final result is missing
        if not self._alarms.open_ids:  # a disk may take its time
            self._leave(REBOOT)
            return
        self._is_busy = False
        self._handler.order_done(OrderDone(order.cmd_id, False, "alarm-open", _NO_REBOOT))
        if self._kept.reboot is not None:
            self._save(self._kept.with_(reboot=None))

    def _leave(self, code: int) -> None:
        self._is_leaving = True
        self._main_loop.leave(code)

    def _take_keys(self, keys: KeySet, cmd_id: str) -> None:
        if self._save(self._kept.with_(keys=keys)):
            self._keys.take(keys.keys, keys.revision)
            self._report()
            done = OrderDone(cmd_id, True, "ok", f"revision {keys.revision} of the keys is in force")
        else:
            done = OrderDone(cmd_id, False, "not-kept", _UNWRITTEN)
        self._writes_keys = False
        self._handler.order_done(done)

    def _save(self, kept: Kept) -> bool:
        """Write, and from then on report; false when the disk does not take it in time."""
        try:
            self._in_use.keep(kept)
        except StorageError as error:
            self._board.report(CONFIG, ok=False, detail=f"what was set from afar can't be written: {error}")
            return False
        self._board.report(CONFIG, ok=True)
        self._kept = kept
        return True

    def _end(self, status: str, code: str, text: str) -> None:
        """Tell the end of the order, once it is on disk."""
        self._is_busy = False
        self._report()
        order = self._kept.order
        if order is not None:
            self._handler.order_done(OrderDone(order.cmd_id, status == "succeeded", code, text))
            self._save(self._kept.with_(is_told=True))

    def _tell_rolled_back(self) -> None:
        kept = self._kept
        self._security.report("config-rolled-back", kept.reason, revision=kept.wanted, in_force=kept.in_force.revision)
        self._end("failed", "rolled-back", kept.reason)

    def _report(self) -> None:
        self._announcer.configured(*self._in_use.describe(self._kept))

    def _resume(self) -> None:
        """Go on with the orders of earlier runs, which have had no final result yet. On the main thread."""
        kept = self._kept
        if kept.order is not None and (kept.trial is not None or not kept.is_told):
            self._handler.resume(kept.order.kid, _result("config-set", kept.order.cmd_id, "trying"))
            if kept.trial is None and kept.state == "failed":
                self._jobs.put(self._tell_rolled_back)
            elif kept.trial is None:
                self._jobs.put(partial(self._end, "succeeded", "ok", f"revision {kept.wanted} is in force"))
        if (reboot := kept.reboot) is not None:
            self._jobs.put(lambda: self._save(self._kept.with_(reboot=None)))
            self._handler.resume(reboot.kid, _result("reboot", reboot.cmd_id, "rebooting"))
            if self._simulated or reboot.boot_id != self._clock.boot_id:
                done = OrderDone(reboot.cmd_id, True, "ok", "the machine has started again")
            else:
                done = OrderDone(reboot.cmd_id, False, "not-rebooted", "the agent started again, the machine did not")
            self._handler.order_done(done)


def _result(name: str, cmd_id: str, code: str) -> ResultData:
    return ResultData(command_id=cmd_id, name=name, status="in-progress", code=code, text="")
