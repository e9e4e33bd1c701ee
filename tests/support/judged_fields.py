"""Every name that a message may carry, and what somebody thought of it.

POPIA section 26 bars biometric information: what identifies a person by body, physiology or behaviour. A name comes on
one of these lists only after its author has asked: does its value tell who somebody is, or only that somebody is there?
"""

ABOUT_PEOPLE = {
    "persons": "how many, and not who",
    "persons_max": "the highest count of a stay",
    "score": "how sure the model is that this is a person at all",
    "box": "where in the picture: four fractions",
    "duration_ms": "how long somebody was there",
    "snapshot": "the name of a picture file or message; the picture itself is masked",
    "picture": "the JPEG itself, in a message of its own; masked",
    "track": "a number that lasts as long as one camera does not lose them, and no longer than its process",
    "tracks": "such numbers",
    "zone": "the drawn area they are in",
    "line": "the drawn line that was crossed",
    "direction": "which way it was crossed",
    "left_to_right": "how many in an hour, and not who",
    "right_to_left": "the same of the other direction",
    "hour": "which hour was counted",
    "counted_s": "how much of it",
    "phase": "whether it begins, goes on or ends",
    "converging": "how many people have come near one, and since when",
    "closed_in": "the same, from the camera's process to the core",
    "people": "how many",
    "since_s": "since when, beside the press",
    "since_boottime_ns": "since when",
    "judge": "that a person must judge what it is: always the same",
    "closed_by": "why nobody should be there now: the site's opening hours",
    "unseen": "that nobody saw the end, as the camera process has ended",
}
"""Presence: counts, places, times. Each with the reason why it may be told."""

ABOUT_THE_CENTRE = {
    "issuer": "the name of a key's holder",
    "by": "what the centre calls its own operator, for the other consoles, or a technician; it may be a number",
    "kid": "the name of a key",
    "at": "when the ack came",
    "unit": "who was sent",
    "note": "what the operator writes at the close, for the other consoles; the device never reads it",
    "held_by": "the answer of whoever has the alarm",
    "answered_by": "the answers that count",
    "sent_before": "the answer that sent somebody, of before the alarm raised itself again",
}
"""What the centre says of its own people when it answers an alarm, and a technician of themselves. Nothing of it comes
from a camera or a button."""

_OF_THE_DEVICE = {
    "envelope": "specversion id source type subject time dataschema datacontenttype bootid seq record recordtop "
    "recorddone monoms timeq nonce data historical topic rank qos retain expiry_s correlation_data t event_id",
    "moments": "frame_monoms boottime_ns captured_boottime_ns",
    "alarm": "alarm_id input kind status silent press_count stage repeats reraised raises_again_monoms raised_at "
    "location codes latency_ms camera open lat lon text contact_id sia durable",
    "state, meta": "state bdseq epoch boot_nonce agent_version config_revision inputs outputs cameras capabilities "
    "schemas supervised masks config revision wanted keys seen",
    "health": "parts uptime_s outbox dropped cpu_percent memory_bytes disk_free_bytes disk written_bytes "
    "written_bytes_per_day temperature_c certificate_ends certificate_trouble self_test siren on alarms presses "
    "cut_short faults active passed failed",
    "cameras": "frames frames_per_second stated_frames_per_second inferences_per_second inference_ms "
    "frame_age_ms rss_bytes tampers hardly_able_to_see never_moving aim focus light",
    "events": "severity detail suppressed fault since reason sounded_ms driven part boot_id offset_ms timeq_before "
    "timeq_after reasons outcome steps name ok ms command_id code output",
    "report of a commissioning": "commissioned left_out report verdict hashes signed payload signatures protected "
    "signature form follows walk device place began ended wiring pictures in_earnest board profile system what pins "
    "media sha256 taken step title said figures value limit tries",
    "recorder": "about before_s begin_ns bit_rate bytes card certificate clip clips codec continues digest directory "
    "encoder facts free_bytes group_s held into keeping key masked masked_by_camera most_clips parameters recipient "
    "hangs hung trouble recorded_bit_rate "
    "recorded_frames_per_second recorder_socket ring_bytes ring_s seconds socket stream why begins ends "
    "chain head recorded recording evidence waits longest_s",
    "uploads": "upload uploads waiting waiting_bytes urls month_bytes objects sizes object first last hosts",
    "a SIM card": "interface limit_bytes",
    "from the settings": "spec simulate width height model model_directories state_models model_sha256 model_refused "
    "model_retired threads runtime delegate "
    "delegate_options delegate_trouble delegate_given_up by_delegate "
    "score_threshold smallest_person enter_after_s leave_after_s snapshot_directory "
    "memory_directory max_bytes snapshot_max_bytes event_snapshots mask_file pid path min_travel cool_down_s "
    "update_every_s time_zone zones "
    "converging_from lines tamper new_scene polygon loitering_after_s crowd_from crowd_after_s "
    "person_down_after_s running_from running_after_s watched start end days",
}
ABOUT_THE_DEVICE = {name for names in _OF_THE_DEVICE.values() for name in names.split()}
"""Names whose values come from the settings, the machine, the clock or the network, and tell nothing of a body."""

NAMED_BY_THE_SITE = {
    *("parts", "inputs", "cameras", "outbox", "dropped", "latency_ms", "codes", "delegate_options"),
}
"""Tables whose names are those of parts, inputs, cameras, classes and stages."""

FREE = {"detail", "output"}
"""Tables in security events and results of commands, which a person's presence does not come into."""

JUDGED = ABOUT_THE_DEVICE | set(ABOUT_PEOPLE) | set(ABOUT_THE_CENTRE)
ASK = "ask whether it tells who somebody is (POPIA section 26), then add it to tests/support/judged_fields.py"
BOX = 4
"""So many numbers in a row tell where somebody is; more could tell who."""
