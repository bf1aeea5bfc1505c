/*  listen.c - an address to listen on, and who may reach it. */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "listen.h"
#include "../../jobs/log.h"

/*  "host:port" into two strings; brackets of IPv6 are taken off. */
static int s_split (const char *address, char *host, char *port, size_t size)
{
    const char *colon = strrchr (address, ':');
    if (!colon || strlen (address) >= size)
        return -1;
    size_t length = (size_t) (colon - address);
    if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        length -= 2;
    }
    memcpy (host, address, length);
    host[length] = 0;
    strcpy (port, colon + 1);
    /*  getaddrinfo takes larger ones, modulo 65536.  */
    return *port && !port[strspn (port, "0123456789")]
        && strtoul (port, NULL, 10) <= UINT16_MAX? 0: -1;
}

static bool s_is_loopback (const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *) address;
        return (ntohl (v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *) address;
    return address->sa_family == AF_INET6
        && memcmp (&v6->sin6_addr, &in6addr_loopback, 16) == 0;
}

static int s_bind (const struct addrinfo *info, fcj_error_t *error,
                   const char *address)
{
    int one = 1;
    int fd = socket (info->ai_family, SOCK_STREAM | SOCK_CLOEXEC
                     | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind (fd, info->ai_addr, info->ai_addrlen) != 0
        || listen (fd, SOMAXCONN) != 0) {
        fcj_fail (error, FCJ_INVALID, "cannot listen on %s: %s", address,
                  strerror (errno));
        if (fd >= 0)
            close (fd);
        return -1;
    }
    return fd;
}

int fcj_listen (const fcj_front_t *front, const char *address,
                fcj_error_t *error)
{
    char host[256], port[256];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE }, *found = NULL;
    if (s_split (address, host, port, sizeof host) != 0
        || getaddrinfo (*host? host: "127.0.0.1", port, &hints, &found) != 0)
        return fcj_fail (error, FCJ_INVALID, "'%.200s' is no address to"
                         " listen on; give host:port, as 127.0.0.1:8765",
                         address);
    int fd = -1;
    bool local = s_is_loopback (found->ai_addr);
    bool tls = *fcj_config_str (front->config, "tls-cert");
    if (!local && !fcj_auth_on (front->auth))
        fcj_fail (error, FCJ_INVALID, "%.200s can be reached by others:"
                  " that needs tokens (`fcj token add NAME` makes one) or"
                  " an auth-issuer; or listen on 127.0.0.1", address);
    else {
        if (!fcj_auth_on (front->auth)
            && (*fcj_config_str (front->config, "public-url")
                || *fcj_config_str (front->config, "allow-host")))
            fcj_log (FCJ_WARNING, "http_without_tokens", "address", address,
                     "advice", "whom a proxy lets through may run code: `fcj"
                     " token add NAME` makes a token", NULL);
        if (!local && !tls)
            fcj_log (FCJ_WARNING, "http_without_tls", "address", address,
                     "advice", "tokens can be read on the way: set tls-cert"
                     " and tls-key, or put a TLS proxy in front", NULL);
        fd = s_bind (found, error, address);
    }
    freeaddrinfo (found);
    return fd;
}

void fcj_listen_log (int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[128] = "?", port[16] = "?";
    if (getsockname (fd, (struct sockaddr *) &bound, &size) == 0)
        getnameinfo ((struct sockaddr *) &bound, size, host, sizeof host,
                     port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    fcj_log (FCJ_INFO, "http_listening", "host", host, "port", port,
             "path", "/mcp", NULL);
}

/*  A PEM file as text, NULL when it can't be read. */
static char *s_read_pem (const char *path)
{
    static const size_t MOST = 256 * 1024;
    FILE *file = fopen (path, "re");
    char *text = calloc (1, MOST + 1);
    size_t size = file && text? fread (text, 1, MOST, file): 0;
    if (file)
        fclose (file);
    if (size && strstr (text, "-----BEGIN"))
        return text;
    free (text);
    return NULL;
}

int fcj_listen_tls (const fcj_config_t *config, char **cert_pem,
                    char **key_pem, fcj_error_t *error)
{
    const char *cert = fcj_config_str (config, "tls-cert");
    const char *key = fcj_config_str (config, "tls-key");
    if (!*cert && !*key)
        return 0;
    if (!*cert || !*key)
        return fcj_fail (error, FCJ_INVALID, "tls-cert and tls-key go"
                         " together: a certificate chain and its key");
    if (!(*cert_pem = s_read_pem (cert)) || !(*key_pem = s_read_pem (key)))
        return fcj_fail (error, FCJ_INVALID, "%.200s can not be read as PEM",
                         *cert_pem? key: cert);
    return 0;
}
