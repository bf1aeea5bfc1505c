/*  host.c - see host.h.  */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../jobs/codec.h"
#include "../../jobs/job.h"
#include "../../jobs/limits.h"
#include "../common/frame.h"
#include "../zygote/convert.h"
#include "../zygote/module.h"

#define INSIST_MS   250
#define WHY_MAX     32

/*  A message as it came; the reader makes it, the GUI thread frees it.  */
typedef struct letter {
    struct letter *next;
    void *bytes;                /* NULL: the end of the stream */
    size_t size, fd_count;
    int fds[];
} letter_t;

typedef struct {
    letter_t *first, **last;
} letters_t;

/*  One reader a process: FreeCAD has one GUI thread.  */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    letters_t inbox, answers;
    int fd, wake, stop[2];
    bool open, joinable;
    pthread_t reader;
    /*  Under the GIL.  */
    unsigned long thread;       /* the one in guard */
    fcj_id_t guarded;
    PyObject *exception;
    /*  Under the lock.  */
    fcj_id_t interrupt;
    char why[WHY_MAX];
} s_host = { .lock = PTHREAD_MUTEX_INITIALIZER,
             .answered = PTHREAD_COND_INITIALIZER, .fd = -1, .wake = -1 };

/* ---- Letters ------------------------------------------------------------ */

static void
s_put (letters_t *list, letter_t *letter)
{
    if (!list->last)
        list->last = &list->first;
    *list->last = letter;
    list->last = &letter->next;
}

static letter_t *
s_pop (letters_t *list)
{
    letter_t *letter = list->first;
    if (letter) {
        list->first = letter->next;
        if (!list->first)
            list->last = &list->first;
    }
    return letter;
}

static void
s_free (letter_t *letter, bool close_fds)
{
    for (size_t i = 0; close_fds && i < letter->fd_count; i++)
        close (letter->fds[i]);
    free (letter->bytes);
    free (letter);
}

static void
s_empty (letters_t *list)
{
    letter_t *letter;
    while ((letter = s_pop (list)))
        s_free (letter, true);
}

static void
s_post (void *bytes, size_t size, const int *fds, size_t n, bool answer)
{
    letter_t *letter = calloc (1, sizeof *letter + n * sizeof *fds);
    if (!letter)
        abort ();
    letter->bytes = bytes;
    letter->size = size;
    letter->fd_count = n;
    if (n)
        memcpy (letter->fds, fds, n * sizeof *fds);
    pthread_mutex_lock (&s_host.lock);
    s_put (answer ? &s_host.answers : &s_host.inbox, letter);
    pthread_cond_broadcast (&s_host.answered);
    pthread_mutex_unlock (&s_host.lock);
    if (!answer && eventfd_write (s_host.wake, 1))
        return;                         /* full: it is readable already */
}

/* ---- The reader --------------------------------------------------------- */

/*  False once there is nothing to interrupt any more.  */
static bool
s_insist (void)
{
    bool again = false;
    PyGILState_STATE state = PyGILState_Ensure ();
    pthread_mutex_lock (&s_host.lock);
    if (s_host.interrupt[0]
        && strcmp (s_host.interrupt, s_host.guarded) == 0) {
        PyThreadState_SetAsyncExc (s_host.thread, s_host.exception);
        again = true;
    }
    pthread_mutex_unlock (&s_host.lock);
    PyGILState_Release (state);
    return again;
}

static bool
s_on_interrupt (const fcj_map_t *message)
{
    pthread_mutex_lock (&s_host.lock);
    if (fcj_map_copy (message, "id", s_host.interrupt,
                      sizeof s_host.interrupt) < 0)
        s_host.interrupt[0] = 0;
    if (fcj_map_copy (message, "why", s_host.why, sizeof s_host.why) < 0)
        strcpy (s_host.why, "interrupted");
    pthread_mutex_unlock (&s_host.lock);
    return s_insist ();
}

/*  *again: an interrupt is being insisted on. False at the end.  */
static bool
s_read (bool *again)
{
    int fds[FCJ_FDS_MAX];
    size_t size, n = FCJ_FDS_MAX;
    void *bytes;
    char type[16] = "";
    if (fcj_frame_recv (s_host.fd, FCJ_FRAME_MAX + FCJ_INLINE_MAX, &bytes,
                        &size, fds, &n))
        return false;
    fcj_map_t *message = fcj_map_new (bytes, size);
    if (message)
        fcj_map_copy (message, "type", type, sizeof type);
    bool taken = strcmp (type, "interrupt") == 0;
    if (taken)
        *again = s_on_interrupt (message);
    fcj_map_destroy (&message);
    if (!taken)
        s_post (bytes, size, fds, n, strcmp (type, "answer") == 0);
    else
        free (bytes);
    return true;
}

static void *
s_reader (void *arg)
{
    (void) arg;
    bool again = false, open = true;
    while (open) {
        struct pollfd polls[2] = { { .fd = s_host.fd, .events = POLLIN },
                                   { .fd = s_host.stop[0],
                                     .events = POLLIN } };
        int ready = poll (polls, 2, again ? INSIST_MS : -1);
        if (ready == 0)
            again = s_insist ();
        else if (ready > 0 && polls[1].revents)
            return NULL;
        else if (ready > 0)
            open = s_read (&again);
    }
    s_post (NULL, 0, NULL, 0, false);
    return NULL;
}

/* ---- For Python --------------------------------------------------------- */

static PyObject *
s_open (PyObject *self, PyObject *args)
{
    (void) self;
    int fd;
    sigset_t all, before;
    if (!PyArg_ParseTuple (args, "i:host_open", &fd))
        return NULL;
    if (s_host.open) {
        PyErr_SetString (PyExc_RuntimeError, "the host is open already");
        return NULL;
    }
    fcntl (fd, F_SETFD, FD_CLOEXEC);
    s_host.fd = fd;
    s_host.wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s_host.wake < 0 || pipe2 (s_host.stop, O_CLOEXEC))
        return PyErr_SetFromErrno (PyExc_OSError);
    /*  Signals are FreeCAD's own threads' to take.  */
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int failed = pthread_create (&s_host.reader, NULL, s_reader, NULL);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (failed) {
        errno = failed;
        return PyErr_SetFromErrno (PyExc_OSError);
    }
    s_host.open = true;
    fcj_module_open (fd);
    return PyLong_FromLong (s_host.wake);
}

static PyObject *
s_close (PyObject *self, PyObject *unused)
{
    (void) self;
    (void) unused;
    if (!s_host.open)
        Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS              /* the reader may want the GIL */
    if (write (s_host.stop[1], "", 1) == 1)
        pthread_join (s_host.reader, NULL);
    Py_END_ALLOW_THREADS
    fcj_module_open (-1);
    s_empty (&s_host.inbox);
    s_empty (&s_host.answers);
    close (s_host.fd);
    close (s_host.wake);
    close (s_host.stop[0]);
    close (s_host.stop[1]);
    s_host.open = false;
    Py_RETURN_NONE;
}

static PyObject *
s_message (letter_t *letter)
{
    PyObject *message;
    if (!letter->bytes)
        message = Py_BuildValue ("{s:s}", "type", "end");
    else {
        message = fcj_convert_unpack (letter->bytes, letter->size);
        if (message && fcj_convert_place_fds (message, letter->fds,
                                              letter->fd_count))
            Py_CLEAR (message);
    }
    s_free (letter, message == NULL);
    return message;
}

static PyObject *
s_take (PyObject *self, PyObject *unused)
{
    (void) self;
    (void) unused;
    eventfd_t count;
    pthread_mutex_lock (&s_host.lock);
    letter_t *letter = s_pop (&s_host.inbox);
    if (!s_host.inbox.first && s_host.open
        && eventfd_read (s_host.wake, &count))
        count = 0;                      /* it was not readable */
    pthread_mutex_unlock (&s_host.lock);
    if (!letter)
        Py_RETURN_NONE;
    return s_message (letter);
}

static PyObject *
s_wait (PyObject *self, PyObject *args)
{
    (void) self;
    double seconds;
    letter_t *letter = NULL;
    struct timespec until;
    int late = 0;
    if (!PyArg_ParseTuple (args, "d:host_wait", &seconds))
        return NULL;
    seconds = seconds > 0 && seconds < 86400 ? seconds : 0;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += (time_t) seconds;
    until.tv_nsec += (long) ((seconds - (double) (time_t) seconds) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    Py_BEGIN_ALLOW_THREADS
    pthread_mutex_lock (&s_host.lock);
    while (!(letter = s_pop (&s_host.answers)) && !late)
        late = pthread_cond_timedwait (&s_host.answered, &s_host.lock,
                                       &until);
    pthread_mutex_unlock (&s_host.lock);
    Py_END_ALLOW_THREADS
    if (!letter)
        Py_RETURN_NONE;
    return s_message (letter);
}

static PyObject *
s_interrupted (PyObject *self, PyObject *args)
{
    (void) self;
    const char *id;
    char why[WHY_MAX] = "";
    if (!PyArg_ParseTuple (args, "s:interrupted", &id))
        return NULL;
    pthread_mutex_lock (&s_host.lock);
    if (*id && strcmp (id, s_host.interrupt) == 0)
        memcpy (why, s_host.why, sizeof why);
    pthread_mutex_unlock (&s_host.lock);
    if (!*why)
        Py_RETURN_NONE;
    return PyUnicode_FromString (why);
}

static PyObject *
s_guard (PyObject *self, PyObject *args)
{
    (void) self;
    PyObject *function, *exception;
    const char *id;
    if (!PyArg_ParseTuple (args, "OsO:guard", &function, &id, &exception))
        return NULL;
    if (s_host.guarded[0] || strlen (id) >= sizeof s_host.guarded || !*id) {
        PyErr_SetString (PyExc_RuntimeError, "one guarded call at a time, "
                         "with the id of a job");
        return NULL;
    }
    s_host.thread = PyThread_get_thread_ident ();
    s_host.exception = exception;
    pthread_mutex_lock (&s_host.lock);
    bool late = strcmp (id, s_host.interrupt) == 0;
    strcpy (s_host.guarded, id);
    pthread_mutex_unlock (&s_host.lock);
    PyObject *value = NULL;
    if (late)
        PyErr_SetNone (exception);
    else
        value = PyObject_CallNoArgs (function);
    /*  From here on no bytecode runs that it could still be raised in.  */
    s_host.guarded[0] = 0;
    PyThreadState_SetAsyncExc (s_host.thread, NULL);
    return value;
}

static PyMethodDef s_methods[] = {
    { "host_open", s_open, METH_VARARGS, "host_open(fd) -> eventfd" },
    { "host_close", s_close, METH_NOARGS, "host_close()" },
    { "host_take", s_take, METH_NOARGS, "host_take() -> dict | None" },
    { "host_wait", s_wait, METH_VARARGS, "host_wait(seconds) -> dict | None" },
    { "guard", s_guard, METH_VARARGS,
      "guard(function, id, exception): interruptible" },
    { "interrupted", s_interrupted, METH_VARARGS,
      "interrupted(id) -> why, or None" },
    { NULL, NULL, 0, NULL } };

int
fcj_host_methods (PyObject *module)
{
    return PyModule_AddFunctions (module, s_methods);
}
