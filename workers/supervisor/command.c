/*  command.c - see command.h.  */

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ABOVE_GIVEN 10          /* where dup2 to 0-3 overwrites nothing */

/* ---- The lists ------------------------------------------------------------ */

static void
s_add (fcj_command_t *self, char **list, size_t *count, size_t room,
       char *text)
{
    if (!text || *count == room) {
        self->broken = true;
        free (text);
        return;
    }
    list[(*count)++] = text;
}

static void
s_add_arg (fcj_command_t *self, char *text)
{
    s_add (self, self->argv, &self->argc, FCJ_COMMAND_ARGS, text);
}

static char *
s_text (const char *format, va_list values)
{
    char *text;
    return vasprintf (&text, format, values) < 0 ? NULL : text;
}

void
fcj_command_init (fcj_command_t *self, const char *program)
{
    memset (self, 0, sizeof *self);
    s_add_arg (self, strdup (program));
}

void
fcj_command_clear (fcj_command_t *self)
{
    for (size_t i = 0; i < self->argc; i++)
        free (self->argv[i]);
    for (size_t i = 0; i < self->names; i++)
        free (self->environment[i]);
    memset (self, 0, sizeof *self);
}

void
fcj_command_arg (fcj_command_t *self, const char *flag, const char *format,
                 ...)
{
    va_list values;
    s_add_arg (self, strdup (flag));
    va_start (values, format);
    s_add_arg (self, s_text (format, values));
    va_end (values);
}

void
fcj_command_list (fcj_command_t *self, const char *flag, const char *prefix,
                  const char *list)
{
    char *copy = strdup (list), *rest = NULL;
    self->broken |= !copy;
    for (char *at = copy ? strtok_r (copy, ":", &rest) : NULL; at;
         at = strtok_r (NULL, ":", &rest))
        fcj_command_arg (self, flag, "%s%s", prefix, at);
    free (copy);
}

void
fcj_command_env (fcj_command_t *self, const char *format, ...)
{
    va_list values;
    va_start (values, format);
    s_add (self, self->environment, &self->names, FCJ_COMMAND_NAMES,
           s_text (format, values));
    va_end (values);
}

void
fcj_command_walls (fcj_command_t *self, const fcj_world_t *world)
{
    const fcj_worker_options_t *options = &world->options;
    fcj_command_list (self, "--root", options->roots_write ? "w:" : "",
                      options->roots);
    fcj_command_arg (self, "--sandbox", options->sandbox ? "on" : "off");
    fcj_command_arg (self, "--network", options->network ? "on" : "off");
    /*  FreeCAD writes its settings below HOME: not the user's.  */
    fcj_command_env (self, "HOME=%s/home", world->root);
    fcj_command_env (self, "PATH=/usr/bin:/bin");
    fcj_command_env (self, "LANG=C.UTF-8");
}

/* ---- Its start ------------------------------------------------------------ */

/*  In the fork, before exec: only calls that are safe among threads.  */
static void
s_exec (const fcj_command_t *self, const int give[3], int death, pid_t parent)
{
    static const int become[3] = { 3, 1, 2 };
    sigset_t none;
    int fds[3];
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    signal (SIGPIPE, SIG_DFL);
    prctl (PR_SET_PDEATHSIG, death);
    if (getppid () != parent)
        _exit (1);
    /*  Any of them may have one of the numbers that they are to get.  */
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl (give[i], F_DUPFD, ABOVE_GIVEN);
    dup2 (open ("/dev/null", O_RDONLY), 0);
    for (int i = 0; i < 3; i++)
        dup2 (fds[i], become[i]);
    close_range (4, ~0U, 0);
    execve (self->argv[0], self->argv, self->environment);
    _exit (127);
}

pid_t
fcj_command_start (const fcj_command_t *self, const int give[3], int death)
{
    if (self->broken) {
        errno = E2BIG;
        return -1;
    }
    if (access (self->argv[0], X_OK))
        return -1;
    pid_t parent = getpid (), pid = fork ();
    if (pid == 0)
        s_exec (self, give, death, parent);
    return pid;
}
