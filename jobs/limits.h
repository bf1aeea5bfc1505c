/*  limits.h - every bound of the service, with its unit, in one place.
 *
 *  A bound that an operator may change has a configuration key of the same
 *  name (jobs/settings.c); what stands here is then its default.  */

#ifndef FCJ_LIMITS_H
#define FCJ_LIMITS_H

/* ---- Sizes, bytes ------------------------------------------------------ */
#define FCJ_INLINE_MAX        (64 * 1024)   /* JSON text in record or frame  */
#define FCJ_CODE_MAX          (1024 * 1024) /* code of one job               */
#define FCJ_REQUEST_MAX       (4 * 1024 * 1024)  /* one MCP message          */
#define FCJ_FRAME_MAX         (8 * 1024 * 1024)  /* one ZeroMQ message       */
#define FCJ_STORE_WAITING_MAX (64L * 1024 * 1024)  /* on its way to Redis */
#define FCJ_TAIL_MAX          4096          /* stdout/stderr tail in record  */
#define FCJ_OUTPUT_MAX        (16 * 1024 * 1024) /* stdout + stderr of a job */
#define FCJ_ARTIFACT_MAX      (1024L * 1024 * 1024) /* one artifact          */
#define FCJ_RESULT_MAX        (8 * 1024 * 1024)  /* result JSON, via blob    */
#define FCJ_MEMORY_MAX        (4096L * 1024 * 1024) /* a job, default limit  */
#define FCJ_TEXT_MAX          512           /* error text, progress message  */
#define FCJ_NAME_MAX          128           /* tool, owner, artifact, job name*/
#define FCJ_KEY_MAX           256           /* idempotency key               */
#define FCJ_TRACEBACK_MAX     8192
#define FCJ_ASK_SCHEMA_MAX    8192          /* JSON schema of a question     */

/* ---- Counts ------------------------------------------------------------ */
#define FCJ_QUEUE_MAX         100000        /* live jobs in all              */
#define FCJ_QUEUE_OWNER_MAX   10000         /* live jobs of one owner        */
#define FCJ_INPUTS_MAX        256           /* inputs of one job             */
#define FCJ_DEPENDS_MAX       64            /* jobs one job waits for        */
#define FCJ_ARTIFACTS_MAX     64            /* artifacts of one job          */
#define FCJ_EXECUTIONS_MAX    3             /* attempts, the first included  */
#define FCJ_ASKS_MAX          32            /* questions of one attempt      */
#define FCJ_PROCESSES_MAX     64            /* processes/threads of a job    */
#define FCJ_SLOTS_MAX         64            /* slots of one worker           */
#define FCJ_WORKERS_MAX       256
#define FCJ_FRONTENDS_MAX     256
#define FCJ_WATCHERS_MAX      8             /* front-ends that watch one job */
#define FCJ_JSON_DEPTH_MAX    64
#define FCJ_DEPTH_MAX         16            /* msgpack containers in another */
#define FCJ_VALUES_MAX        500000        /* values in one msgpack message */

/* ---- Times ------------------------------------------------------------- */
#define FCJ_TIMEOUT_S         600           /* run time of a job, default    */
#define FCJ_TIMEOUT_MAX_S     86400
#define FCJ_QUEUE_TIMEOUT_S   86400         /* waiting in the queue          */
#define FCJ_RETENTION_S       86400         /* a finished job's record       */
#define FCJ_TOMBSTONE_S       604800        /* "expired" is still answered   */
#define FCJ_LEASE_MS          15000
#define FCJ_BEAT_MS           1000
#define FCJ_BEATS_MISSED      5             /* then the peer is lost         */
#define FCJ_PEER_DEAD_MS      (FCJ_BEATS_MISSED * FCJ_BEAT_MS)  /* default  */
#define FCJ_TERM_GRACE_MS     2000          /* SIGTERM, then SIGKILL         */
#define FCJ_FORK_READY_MS     5000          /* a fork that is not ready dies */
#define FCJ_PROGRESS_MS       250           /* at most one progress each     */
#define FCJ_MEMO_WORTH_MS     20            /* quicker steps are not kept    */
#define FCJ_HOLD_S            20            /* front-end waits for a result  */
#define FCJ_WAIT_MAX_S        25            /* wait_s of get_job_status      */

#endif
