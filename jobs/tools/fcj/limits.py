"""The bounds of jobs/limits.h that a job process keeps by itself."""

INLINE_MAX = 64 * 1024            # JSON text in a record, bytes
CODE_MAX = 1024 * 1024            # code of one job, bytes
RESULT_MAX = 8 * 1024 * 1024      # result JSON as an artifact, bytes
ARTIFACT_MAX = 1024 ** 3          # one artifact, bytes
TEXT_MAX = 512                    # error text, progress message
NAME_MAX = 128                    # artifact, job name
KEY_MAX = 256                     # idempotency key
TRACEBACK_MAX = 8192
MESSAGE_MAX = 4096                # an exception's message
INPUTS_MAX = 256
DEPENDS_MAX = 64
ARTIFACTS_MAX = 64
SHAPE_ARTIFACTS_MAX = 32          # shapes of one result that become artifacts
JSON_DEPTH_MAX = 64
ASKS_MAX = 32                     # questions of one attempt
ASK_SCHEMA_MAX = 8192             # form of a question, bytes of JSON
SLOTS_MAX = 64
TIMEOUT_S = 600
TIMEOUT_MAX_S = 86400
QUEUE_TIMEOUT_S = 86400
WAIT_MAX_S = 25                   # wait_s


def clip(text: str, limit: int) -> str:
    """At most `limit` characters; what is left out is said, never silent."""
    if len(text) <= limit:
        return text
    note = f" ... ({len(text) - limit} characters left out) ... "
    keep = max(limit - len(note), 2)
    head = keep * 2 // 3
    return text[:head] + note + text[len(text) - (keep - head):]
