/*  display.c - an X server of our own, for the window that nobody looks at.
 *
 *  Xvfb picks a free display itself and tells its number; only who has our
 *  cookie may connect. When it ends, whoever needs it starts it again.  */

#include "display.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COOKIE_SIZE  16
#define FAMILY_WILD  0xFFFF
#define SCREEN       "1280x1024x24"
#define STOP_STEP_MS 10
#define STOP_STEPS   100

/* ---- A display that is there already ------------------------------------ */

bool
fcj_display_answers (const char *display)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (display[0] != ':')
        return display[0] != 0;         /* of another host: Qt will say */
    snprintf (address.sun_path, sizeof address.sun_path, "/tmp/.X11-unix/X%d",
              atoi (display + 1));
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = connect (fd, (struct sockaddr *) &address, sizeof address)
        == 0;
    close (fd);
    return there;
}

/* ---- Our own ------------------------------------------------------------ */

static void
s_counted (FILE *file, const void *bytes, size_t size)
{
    fputc ((int) (size >> 8), file);
    fputc ((int) (size & 0xFF), file);
    fwrite (bytes, 1, size, file);
}

/*  One entry of an Xauthority file, for any address and display.  */
static int
s_write_cookie (const char *path)
{
    static const char name[] = "MIT-MAGIC-COOKIE-1";
    unsigned char cookie[COOKIE_SIZE];
    if (getrandom (cookie, sizeof cookie, 0) != sizeof cookie)
        return -1;
    unlink (path);
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen (fd, "w") : NULL;
    if (!file)
        return -1;
    fputc (FAMILY_WILD >> 8, file);
    fputc (FAMILY_WILD & 0xFF, file);
    s_counted (file, "", 0);
    s_counted (file, "", 0);
    s_counted (file, name, sizeof name - 1);
    s_counted (file, cookie, sizeof cookie);
    return fclose (file);
}

__attribute__ ((noreturn))
static void
s_exec (int out, const char *authority, pid_t parent)
{
    sigset_t none;
    char number[16];
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    prctl (PR_SET_PDEATHSIG, SIGTERM);
    setsid ();
    if (getppid () != parent)
        _exit (1);
    int null = open ("/dev/null", O_RDWR);
    dup2 (null, 0);
    dup2 (null, 1);
    dup2 (null, 2);
    dup2 (out, 3);
    close_range (4, ~0U, 0);
    snprintf (number, sizeof number, "%d", 3);
    execlp ("Xvfb", "Xvfb", "-displayfd", number, "-screen", "0", SCREEN,
            "-nolisten", "tcp", "-noreset", "-auth", authority,
            (char *) NULL);
    _exit (127);
}

int
fcj_display_start (fcj_display_t *self, const char *directory,
                   fcj_error_t *error)
{
    int ends[2];
    snprintf (self->authority, sizeof self->authority, "%s/Xauthority",
              directory);
    if (s_write_cookie (self->authority) || pipe2 (ends, O_CLOEXEC))
        return fcj_fail (error, FCJ_INTERNAL, "no X server: %s",
                         strerror (errno));
    pid_t parent = getpid ();
    self->name[0] = self->number[0] = 0;
    self->pid = fork ();
    if (self->pid == 0)
        s_exec (ends[1], self->authority, parent);
    close (ends[1]);
    if (self->pid < 0) {
        self->pid = 0;
        close (ends[0]);
        return fcj_fail (error, FCJ_INTERNAL, "no X server: %s",
                         strerror (errno));
    }
    fcntl (ends[0], F_SETFL, O_NONBLOCK);
    self->fd = ends[0];
    return 0;
}

bool
fcj_display_ready (fcj_display_t *self)
{
    char text[32];
    if (self->name[0])
        return true;
    size_t have = strlen (self->number);
    ssize_t got = self->fd >= 0 ? read (self->fd, text, sizeof text - 1) : -1;
    if (got <= 0 || have + (size_t) got >= sizeof self->number)
        return false;
    memcpy (self->number + have, text, (size_t) got);
    self->number[have + (size_t) got] = 0;
    /*  Its line end comes by itself; who does not wait for it breaks its
     *  pipe, and it dies of that.  */
    if (!strchr (self->number, '\n'))
        return false;
    snprintf (self->name, sizeof self->name, ":%d", atoi (self->number));
    close (self->fd);
    self->fd = -1;
    return true;
}

/*  What a killed server leaves would take its number from others. By now it
 *  may be another's: the lock says whose it is.  */
static void
s_sweep (const fcj_display_t *self)
{
    char path[64], text[16] = "";
    int number = atoi (self->name + 1);
    snprintf (path, sizeof path, "/tmp/.X%d-lock", number);
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    ssize_t got = read (fd, text, sizeof text - 1);
    close (fd);
    if (got <= 0 || atoi (text) != self->pid)
        return;
    unlink (path);
    snprintf (path, sizeof path, "/tmp/.X11-unix/X%d", number);
    unlink (path);
}

void
fcj_display_ended (fcj_display_t *self)
{
    if (self->pid > 0 && self->name[0])
        s_sweep (self);
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    self->pid = 0;
    self->name[0] = 0;
}

void
fcj_display_stop (fcj_display_t *self)
{
    const struct timespec pause = { .tv_nsec = STOP_STEP_MS * 1000000L };
    if (self->pid > 0) {
        kill (self->pid, SIGTERM);
        int left = STOP_STEPS;
        while (waitpid (self->pid, NULL, WNOHANG) == 0 && left--)
            nanosleep (&pause, NULL);
        if (left < 0) {
            kill (self->pid, SIGKILL);
            waitpid (self->pid, NULL, 0);
        }
    }
    fcj_display_ended (self);
}
