/* The floor: copy_loop PORT FAULT DRIVER [ARG ...]
 *
 * Starts the driver and copies: one thread, blocking, reads of 1 MiB from a pipe widened to 1 MiB, each sent to one
 * client after the other, no framing. What clients say goes to the driver. FAULT: none, or what the checking client
 * has to find: drop, flip, repeat (64 bytes, once, behind the first 100 000). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, ROOM = 2000, FIRST = 2, AFTER = 100000, FAULT = 64 };
static char buffer[CHUNK + FAULT];
static struct pollfd fds[ROOM]; /* the driver, the listener, the clients */
static nfds_t count = FIRST;
static int to_driver;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void start(char **argv)
{
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) die("pipe");
    if (fcntl(out[0], F_SETPIPE_SZ, CHUNK) < 0) die("F_SETPIPE_SZ");
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_driver = in[1];
    fds[0] = (struct pollfd){out[0], POLLIN, 0};
}

static void send_all(int fd, const char *p, size_t left)
{
    while (left) {
        ssize_t k = write(fd, p, left);
        if (k < 0 && errno != EINTR) return;
        if (k > 0) p += k, left -= (size_t)k;
    }
}

static size_t spoil(const char *fault, size_t seen, size_t len)
{
    if (seen > AFTER || seen + len <= AFTER + FAULT || *fault == 'n') return len;
    char *at = buffer + (AFTER - seen), *behind = at + FAULT;
    size_t rest = len - (size_t)(behind - buffer);
    if (*fault == 'f') *at ^= 1;
    if (*fault == 'd') memmove(at, behind, rest);
    if (*fault == 'r') memmove(behind + FAULT, behind, rest), memcpy(behind, at, FAULT);
    return *fault == 'd' ? len - FAULT : *fault == 'r' ? len + FAULT : len;
}

static void copy(const char *fault)
{
    static size_t seen;
    ssize_t k = read(fds[0].fd, buffer, CHUNK);
    if (k <= 0) exit(0);
    size_t len = spoil(fault, seen, (size_t)k);
    seen += (size_t)k;
    for (nfds_t i = FIRST; i < count; i++) send_all(fds[i].fd, buffer, len);
}

static void from_client(nfds_t i)
{
    char text[65536];
    ssize_t k = read(fds[i].fd, text, sizeof text);
    if (k > 0) {
        send_all(to_driver, text, (size_t)k);
    } else {
        close(fds[i].fd);
        fds[i] = fds[--count];
    }
}

static void listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1024)) die("listen");
    fds[1] = (struct pollfd){fd, POLLIN, 0};
}

static void take_client(void)
{
    int fd = accept4(fds[1].fd, NULL, NULL, SOCK_CLOEXEC), on = 1;
    if (fd < 0 || count == ROOM) die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fds[count++] = (struct pollfd){fd, POLLIN, 0};
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    listen_on(atoi(argv[1]));
    start(argv + 3);
    for (;;) {
        if (poll(fds, count, -1) < 0) continue;
        for (nfds_t i = count; i-- > FIRST;)
            if (fds[i].revents) from_client(i);
        if (fds[1].revents) take_client();
        if (fds[0].revents) copy(argv[2]);
    }
}
