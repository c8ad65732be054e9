/* The checking client: client TARGET MODE [key=value ...], TARGET = HOST:PORT or unix:PATH (unix:@NAME: abstract)
 *
 * Opens connections from one process, asks for the load driver's device on each, with enableBLOB Also, prints
 * {"ready": true}, waits for a line on stdin, starts the driver, and prints one line of JSON about what arrived.
 *
 *   numbers|blobs|ticks  until each connection got END, or is closed, or nothing came for quiet= seconds
 *   rtt                  n= times: new* of ECHO, wait for its set* (spin=1: polling without sleeping)
 *   idle                 clients= connections that say nothing (ask=1: that asked for the device); then n= times:
 *                        a further one that asks, and the time until it has the definitions
 *
 *   web=1: each connection is a page, which speaks JSON over a WebSocket (numbers only)
 *   device= clients= stalled=connections that ask, get the definitions and then never read
 *   props= size= as the driver was told */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "page.h"

enum { READ = 256 * 1024 };
static size_t clients = 1, stalled, n = 1000, spin = 1, ask = 1, web;
static double quiet = 15;
static const char *target;
static struct conn *conns;
static struct pollfd *fds;
static char io[REST + READ + 1];

static void die(const char *what)
{
    printf("{\"error\": \"%s: %s\"}\n", what, strerror(errno));
    exit(1);
}

static int open_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof a.sun_path) die("path too long");
    memcpy(a.sun_path, path, len);
    if (*path == '@') a.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t room = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*path != '@'));
    if (connect(fd, (struct sockaddr *)&a, room)) die("connect");
    return fd;
}

static int open_tcp(const char *to)
{
    char host[64];
    const char *colon = strrchr(to, ':');
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (!colon || (size_t)(colon - to) >= sizeof host) die("target");
    memcpy(host, to, (size_t)(colon - to));
    host[colon - to] = 0;
    a.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) die("host");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void say(struct conn *c, const char *text)
{
    char frame[512];
    size_t len = strlen(text);
    if (web && *text == '{') len = page_frame(frame, text), text = frame;
    if (send(c->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len) {
        c->closed = 1;
        complain("a request could not be sent", 0, len);
    }
}

static void start_conn(struct conn *c, int asks)
{
    char text[256];
    c->fd = strncmp(target, "unix:", 5) ? open_tcp(target) : open_unix(target + 5);
    set_want(c);
    snprintf(text, sizeof text,
             "<getProperties version=\"1.7\" device=\"%s\"/>\n<enableBLOB device=\"%s\">Also</enableBLOB>\n", device,
             device);
    if (web) {
        say(c, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
        snprintf(text, sizeof text, "{\"getProperties\": {\"device\": \"%s\"}}", device);
    }
    if (asks) say(c, text);
    if (web) say(c, "{\"getStatus\": {}}");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void keep_fds(struct conn *c, struct msghdr *m)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && c->fd_count < MAX_FDS; i++)
            memcpy(&c->fds[c->fd_count++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
    }
}

/* One read; 1 where something came. */
static int take(struct conn *c)
{
    char control[CMSG_SPACE(16 * sizeof(int))];
    memcpy(io, c->rest, c->rest_len);
    struct iovec v = {io + c->rest_len, READ};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t k = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (k < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (k <= 0) {
        c->closed = 1;
        if (!c->done) complain("closed by the server", c->expected, 0);
        return 0;
    }
    keep_fds(c, &m);
    c->bytes += (size_t)k;
    const char *end = io + c->rest_len + k;
    *(char *)end = 0;
    const char *left = web ? consume_page(c, io, end) : consume(c, io, end);
    c->rest_len = (size_t)(end - left);
    if (c->rest_len > REST) {
        bad++, c->closed = 1;
        complain("an element without end", c->rest_len, REST);
        return 0;
    }
    memcpy(c->rest, left, c->rest_len);
    return 1;
}

static int over(const struct conn *c, int until_ready)
{
    return c->closed || (until_ready ? c->ready : c->stalled || c->done);
}

/* Reads until all are ready (or done), or `seconds` pass without a byte. Stalled ones are read for the definitions. */
static int read_all(size_t count, int until_ready, double seconds)
{
    double last = now();
    for (;;) {
        size_t waiting = 0;
        for (size_t i = 0; i < count; i++) {
            waiting += !over(&conns[i], until_ready);
            int reads = !conns[i].closed && (until_ready || !conns[i].stalled);
            fds[i] = (struct pollfd){reads ? conns[i].fd : -1, POLLIN, 0};
        }
        if (!waiting) return 1;
        if (now() - last > seconds) return 0;
        if (poll(fds, count, 100) <= 0) continue;
        for (size_t i = 0; i < count; i++)
            if (fds[i].revents && take(&conns[i])) last = now();
    }
}

/* Answers that are still on their way (a copy loop and indiserver give each client everybody's) do no harm later. */
static void settle(size_t count)
{
    for (double end = now() + 0.1; now() < end;) {
        for (size_t i = 0; i < count; i++)
            fds[i] = (struct pollfd){conns[i].closed || conns[i].stalled ? -1 : conns[i].fd, POLLIN, 0};
        if (poll(fds, count, 20) <= 0) continue;
        for (size_t i = 0; i < count; i++)
            if (fds[i].revents) take(&conns[i]);
    }
}

static void wait_for_start(void)
{
    char line[16];
    printf("{\"ready\": true}\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) exit(1);
}

static void command(struct conn *c, const char *name, size_t value)
{
    char text[256];
    const char *as = web ? "{\"newNumberVector\": {\"device\": \"%s\", \"name\": \"%s\", \"items\": "
                           "[{\"name\": \"V\", \"value\": %zu}]}}"
                         : "<newNumberVector device=\"%s\" name=\"%s\"><oneNumber name=\"V\">%zu</oneNumber>"
                           "</newNumberVector>\n";
    snprintf(text, sizeof text, as, device, name, value);
    say(c, text);
}

static void round_trips(struct conn *c)
{
    for (size_t i = 1; i <= n && !c->closed; i++) {
        double start = now();
        command(c, "ECHO", i);
        while (c->echoed != i && !c->closed) {
            struct pollfd f = {c->fd, POLLIN, 0};
            if (!spin) poll(&f, 1, 1000);
            take(c);
            if (now() - start > quiet) {
                complain("no answer", i, n);
                lost += n - i + 1;
                return;
            }
        }
        add_latency(now() - start);
    }
    c->done = !c->closed;
}

static void probe(size_t idle)
{
    for (size_t i = 0; i < n; i++) {
        struct conn *c = &conns[idle];
        memset(c, 0, sizeof *c);
        double start = now();
        start_conn(c, 1);
        while (!c->ready && !c->closed && now() - start < quiet) {
            struct pollfd f = {c->fd, POLLIN, 0};
            poll(&f, 1, 1000);
            take(c);
        }
        add_latency(now() - start);
        if (!c->ready) lost++, complain("no definitions", i, n);
        close(c->fd);
    }
    for (size_t i = 0; i < idle; i++) conns[i].done = !conns[i].closed;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double q) { return latencies ? latency[(size_t)((double)(latencies - 1) * q)] : 0; }

static void report(size_t count, double seconds)
{
    size_t complete = 0, got = 0, bytes = 0, closed = 0, cut = 0, deleted = 0;
    for (size_t i = 0; i < count; i++) {
        struct conn *c = &conns[i];
        if (c->stalled) {
            struct pollfd f = {c->fd, POLLRDHUP, 0};
            cut += poll(&f, 1, 0) > 0;
            continue;
        }
        complete += (size_t)c->done, closed += (size_t)c->closed, deleted += (size_t)c->deleted;
        got += c->got, bytes += c->bytes;
        if (!c->done) complain("a client without END: it has", c->expected, 0);
    }
    if (latencies) qsort(latency, latencies, sizeof *latency, ascending);
    printf("{\"seconds\": %.6f, \"clients\": %zu, \"complete\": %zu, \"closed\": %zu, \"deleted\": %zu, "
           "\"got\": %zu, \"bytes\": %zu, \"lost\": %zu, \"disordered\": %zu, \"bad\": %zu, "
           "\"stalled_closed\": %zu, \"shared\": %zu, \"lined\": %zu, \"line\": %zu, \"attached\": %zu, "
           "\"median\": %.9f, \"p99\": %.9f, \"max\": %.9f, \"note\": \"%s\"}\n",
           seconds, clients, complete, closed, deleted, got, bytes, lost, disordered, bad, cut, shared, images_lined,
           images_line, images_attached, quantile(0.5), quantile(0.99), quantile(1), note);
}

static void options(int argc, char **argv)
{
    static const char *const modes[] = {"numbers", "blobs", "ticks", "rtt", "idle"};
    errno = EINVAL;
    if (argc < 3) die("client TARGET MODE");
    target = argv[1];
    while (strcmp(argv[2], modes[kind]))
        if (++kind > IDLE) die("mode");
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) die("key=value");
        *value++ = 0;
        if (!strcmp(argv[i], "device")) device = value;
        if (!strcmp(argv[i], "quiet")) quiet = atof(value);
        size_t number = strtoull(value, NULL, 10);
        if (!strcmp(argv[i], "clients")) clients = number;
        if (!strcmp(argv[i], "stalled")) stalled = number;
        if (!strcmp(argv[i], "n")) n = number;
        if (!strcmp(argv[i], "props")) props = number;
        if (!strcmp(argv[i], "size")) size = number;
        if (!strcmp(argv[i], "spin")) spin = number;
        if (!strcmp(argv[i], "web")) web = number;
        if (!strcmp(argv[i], "ask")) ask = number;
    }
    if (props < 1 || props > 3) die("props");
}

int main(int argc, char **argv)
{
    options(argc, argv);
    pattern_init();
    size_t count = clients + stalled;
    conns = calloc(count + 1, sizeof *conns);
    fds = calloc(count + 1, sizeof *fds);
    for (size_t i = 0; i < count; i++) {
        conns[i].stalled = i < stalled;
        start_conn(&conns[i], kind != IDLE || ask);
    }
    if ((kind != IDLE || ask) && !read_all(count, 1, quiet)) {
        errno = ETIMEDOUT;
        die("definitions");
    }
    settle(count);
    wait_for_start();
    double start = now();
    if (kind == RTT) {
        round_trips(&conns[stalled]);
    } else if (kind == IDLE) {
        probe(count);
    } else {
        command(&conns[stalled], "GO", 1);
        read_all(count, 0, quiet);
    }
    report(count, now() - start);
    return 0;
}
