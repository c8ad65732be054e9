/* An INDI driver that makes load: load_driver DEVICE MODE [key=value ...]
 *
 * It defines NUM0..NUM2, ECHO, GO, END (numbers) and IMG (BLOB), IMG last. A new* of ECHO comes back as set* at once.
 * A new* of GO starts the mode, once per GO; when it is over, END says how many elements were sent and whether images
 * went by shared memory.
 *
 *   numbers  n=count props=1..3 (taking turns) per=elements in one write every=microseconds between writes (0: flat out)
 *            style=short|libindi (one line with one member, or as libindi writes a mount's coordinates)
 *   blobs    n=count size=bytes layout=lines|line (libindi's, indipydriver's) ping=0|1 (wait for the answer after each)
 *            every=microseconds between images (0: flat out)
 *            shm=0|1 (hand over descriptors of memfds, as libindi does where fd 1 is a UNIX socket; prepared at start)
 *   ticks    n=count every=microseconds: the monotonic clock in microseconds as a number
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "pattern.h"

static const char *device = "Load", *mode = "none";
static size_t count = 1000, props = 1, per = 400, every, size = 1 << 20;
static int lined = 1, ping, shm, like_libindi;
static int *images; /* memfds, prepared ahead */

static char in[1 << 20];
static size_t in_len;

#define STAMP "timestamp=\"2026-01-01T00:00:00\""

static void put(const void *data, size_t n)
{
    const char *p = data;
    while (n) {
        ssize_t k = write(1, p, n);
        if (k > 0) {
            p += k, n -= (size_t)k;
        } else if (k < 0 && errno == EAGAIN) {
            struct pollfd f = {1, POLLOUT, 0};
            poll(&f, 1, -1);
        } else if (k < 0 && errno != EINTR) {
            _exit(0); /* the server is gone */
        }
    }
}

static int more_input(void)
{
    if (in_len == sizeof in - 1) return 0;
    ssize_t k = read(0, in + in_len, sizeof in - 1 - in_len);
    if (k < 0 && errno == EINTR) return 1;
    if (k <= 0) _exit(0);
    in_len += (size_t)k;
    in[in_len] = 0;
    return 1;
}

static void define_number(const char *name)
{
    static const char second[] =
        "<defNumber name=\"W\" label=\"W\" format=\"%9.6m\" min=\"-90\" max=\"90\" step=\"0\">0</defNumber>";
    char text[1024];
    int n = snprintf(text, sizeof text,
                     "<defNumberVector device=\"%s\" name=\"%s\" label=\"%s\" group=\"Main\" state=\"Idle\" perm=\"rw\" "
                     "timeout=\"60\" " STAMP "><defNumber name=\"V\" label=\"V\" format=\"%%9.0f\" min=\"0\" "
                     "max=\"1e18\" step=\"1\">000000000</defNumber>%s</defNumberVector>\n",
                     device, name, name, like_libindi && strncmp(name, "NUM", 3) == 0 ? second : "");
    put(text, (size_t)n);
}

static void define(const char *wanted)
{
    static const char *const names[] = {"NUM0", "NUM1", "NUM2", "ECHO", "GO", "END"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!*wanted || !strcmp(wanted, names[i])) define_number(names[i]);
    if (*wanted && strcmp(wanted, "IMG")) return;
    char text[512];
    int n = snprintf(text, sizeof text,
                     "<defBLOBVector device=\"%s\" name=\"IMG\" label=\"IMG\" group=\"Main\" state=\"Idle\" perm=\"ro\" "
                     "timeout=\"60\" " STAMP "><defBLOB name=\"IMG\" label=\"IMG\"/></defBLOBVector>\n",
                     device);
    put(text, (size_t)n);
}

static void digits(char *at, size_t width, size_t value)
{
    while (width--) at[width] = (char)('0' + value % 10), value /= 10;
}

static int set_number(char *text, size_t room, const char *name)
{
    if (like_libindi)
        return snprintf(text, room,
                        "<?xml version='1.0'?>\n<setNumberVector\n  device='%s'\n  name='%s'\n  state='Ok'\n  "
                        "timeout='60'\n  timestamp='2026-01-01T00:00:00'\n>\n  <oneNumber name='V'>\n      "
                        "0000000000000000\n  </oneNumber>\n  <oneNumber name='W'>\n      89.999999999999\n  "
                        "</oneNumber>\n</setNumberVector>\n",
                        device, name);
    return snprintf(text, room,
                    "<setNumberVector device=\"%s\" name=\"%s\" state=\"Ok\" " STAMP "><oneNumber name=\"V\">"
                    "0000000000000000</oneNumber></setNumberVector>\n",
                    device, name);
}

static size_t digits_offset(const char *text) { return (size_t)(strstr(text, "0000000000000000") - text); }

static void sleep_until(struct timespec *at, size_t microseconds)
{
    at->tv_nsec += (long)(microseconds % 1000000 * 1000);
    at->tv_sec += (time_t)(microseconds / 1000000) + at->tv_nsec / 1000000000;
    at->tv_nsec %= 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL) == EINTR) {}
}

static void send_numbers(void)
{
    char one[512];
    size_t len = (size_t)set_number(one, sizeof one, "NUM0");
    size_t number = digits_offset(one), prop = (size_t)(strstr(one, "NUM0") - one) + 3;
    char *block = malloc(len * per);
    for (size_t i = 0; i < per; i++) memcpy(block + i * len, one, len);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (size_t sent = 0; sent < count;) {
        size_t k = count - sent < per ? count - sent : per;
        for (size_t i = 0; i < k; i++, sent++) {
            digits(block + i * len + number, 16, sent);
            if (props > 1) block[i * len + prop] = (char)('0' + sent % props);
        }
        put(block, k * len);
        if (every) sleep_until(&at, every);
    }
    free(block);
}

static void send_ticks(void)
{
    char one[512];
    size_t len = (size_t)set_number(one, sizeof one, "NUM0"), number = digits_offset(one);
    struct timespec at, now;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (size_t i = 0; i < count; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        digits(one + number, 16, (size_t)now.tv_sec * 1000000 + (size_t)now.tv_nsec / 1000);
        put(one, len);
        sleep_until(&at, every);
    }
}

static void put_text(size_t seq)
{
    size_t enc = encoded_length(size);
    size_t total = lined ? lined_offset(enc) : enc, period = lined ? LINED_PERIOD : PERIOD;
    const char *text = lined ? lined_text : plain_text;
    char first[LINE];
    memcpy(first, text, sizeof first);
    digits(first, SEQ_CHARS, seq);
    put(first, sizeof first);
    size_t tail = lined ? lined_offset(enc - 4) : enc - 4; /* a line holds whole quanta: the last one is never broken */
    for (size_t at = LINE, k; at < tail; at += k) {
        k = tail - at < BLOCK ? tail - at : BLOCK;
        put(text + at % period, k);
    }
    char end[128];
    int n = snprintf(end, sizeof end, "%s%s</oneBLOB></setBLOBVector>\n", last_quantum(size),
                     lined && total % (LINE + 1) ? "\n" : "");
    put(end, (size_t)n);
}

static void send_inline(size_t seq)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "<setBLOBVector device=\"%s\" name=\"IMG\" state=\"Ok\" timeout=\"60\" " STAMP
                     "><oneBLOB name=\"IMG\" size=\"%zu\"",
                     device, size);
    if (lined) n += snprintf(head + n, sizeof head - (size_t)n, " enclen=\"%zu\"", encoded_length(size));
    n += snprintf(head + n, sizeof head - (size_t)n, " format=\".fits\">%s", lined ? "\n" : "");
    put(head, (size_t)n);
    put_text(seq);
}

/* Three bytes for each four characters. */
static void decode(unsigned char *to, const char *from, size_t chars)
{
    for (size_t i = 0; i + 4 <= chars; i += 4, to += 3) {
        uint32_t v = 0;
        for (int k = 0; k < 4; k++) v = v << 6 | (uint32_t)(strchr(base64_chars, from[i + (size_t)k]) - base64_chars);
        to[0] = (unsigned char)(v >> 16), to[1] = (unsigned char)(v >> 8), to[2] = (unsigned char)v;
    }
}

static void prepare_images(void)
{
    unsigned char *raw = malloc(PERIOD / 4 * 3);
    decode(raw, plain_text, PERIOD);
    images = malloc(count * sizeof *images);
    for (size_t i = 0; i < count; i++) {
        images[i] = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (images[i] < 0 || ftruncate(images[i], (off_t)size) < 0) _exit(3);
        unsigned char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, images[i], 0);
        if (at == MAP_FAILED) _exit(3);
        for (size_t k = 0; k < size; k += PERIOD / 4 * 3)
            memcpy(at + k, raw, size - k < PERIOD / 4 * 3 ? size - k : PERIOD / 4 * 3);
        char seq[SEQ_CHARS];
        digits(seq, SEQ_CHARS, i);
        decode(at, seq, SEQ_CHARS);
        memset(at + (encoded_length(size) - 4) / 4 * 3, 0, size - (encoded_length(size) - 4) / 4 * 3);
        munmap(at, size);
    }
    free(raw);
}

/* The layout and the moment of the descriptor are libindi's: with the first byte of the head. */
static void send_shared(size_t seq)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "<setBLOBVector\n  device='%s'\n  name='IMG'\n  state='Ok'\n  timeout='60'\n  "
                     "timestamp='2026-01-01T00:00:00'\n>\n  <oneBLOB\n    name='IMG'\n    size='%zu'\n    "
                     "format='.fits'\n    len='%zu'\n    attached='true'>\n  </oneBLOB>\n</setBLOBVector>\n",
                     device, size, size);
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vec = {head, (size_t)n};
    struct msghdr msg = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &images[seq], sizeof(int));
    ssize_t k;
    do {
        struct pollfd f = {1, POLLOUT, 0};
        poll(&f, 1, -1);
        k = sendmsg(1, &msg, 0);
    } while (k < 0 && (errno == EAGAIN || errno == EINTR));
    if (k < 0) _exit(0);
    put(head + k, (size_t)(n - k));
    close(images[seq]);
}

static void wait_for_pong(size_t seq)
{
    char uid[64], text[128];
    snprintf(uid, sizeof uid, "SetBLOB/%zu", seq + 1);
    int n = snprintf(text, sizeof text, "<pingRequest uid='%s'/>\n", uid);
    put(text, (size_t)n);
    for (;;) {
        char *p = in_len ? strstr(in, uid) : NULL;
        if (p && strchr(p, '>')) break;
        if (!more_input()) _exit(4);
    }
    char *end = strchr(strstr(in, uid), '>') + 1, *start = strstr(in, "<pingReply");
    if (!start || start > end) return;
    memmove(start, end, strlen(end) + 1);
    in_len = strlen(in);
}

static void send_blobs(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (size_t i = 0; i < count; i++) {
        if (images)
            send_shared(i);
        else
            send_inline(i);
        if (ping) wait_for_pong(i);
        if (every) sleep_until(&at, every);
    }
}

static void go(void)
{
    if (!strcmp(mode, "numbers")) send_numbers();
    if (!strcmp(mode, "ticks")) send_ticks();
    if (!strcmp(mode, "blobs")) send_blobs();
    char text[512];
    int n = snprintf(text, sizeof text,
                     "<setNumberVector device=\"%s\" name=\"END\" state=\"Ok\" " STAMP "><oneNumber name=\"V\">%016zu"
                     "</oneNumber><oneNumber name=\"SHARED\">%d</oneNumber></setNumberVector>\n",
                     device, count, images != NULL);
    put(text, (size_t)n);
}

static void attribute(const char *element, const char *end, const char *name, char *to, size_t room)
{
    *to = 0;
    size_t n = strlen(name);
    for (const char *p = element; p + n + 2 < end && *p != '>'; p++) {
        if (p[0] != ' ' && p[0] != '\n') continue;
        if (strncmp(p + 1, name, n) || p[n + 1] != '=') continue;
        const char *from = p + n + 3, *quote = memchr(from, p[n + 2], (size_t)(end - from));
        if (!quote || (size_t)(quote - from) >= room) return;
        memcpy(to, from, (size_t)(quote - from));
        to[quote - from] = 0;
        return;
    }
}

static void echo(const char *element, const char *end)
{
    const char *p = memmem(element, (size_t)(end - element), "<oneNumber", 10);
    p = p ? strchr(p, '>') : NULL;
    if (!p) return;
    char text[512];
    int n = set_number(text, sizeof text, "ECHO");
    digits(text + digits_offset(text), 16, strtoull(p + 1, NULL, 10));
    put(text, (size_t)n);
}

static void obey(const char *element, const char *end)
{
    char wanted_device[64], name[64];
    attribute(element, end, "device", wanted_device, sizeof wanted_device);
    attribute(element, end, "name", name, sizeof name);
    if (*wanted_device && strcmp(wanted_device, device)) return;
    if (!strncmp(element, "<getProperties", 14)) {
        define(name);
    } else if (!strncmp(element, "<newNumberVector", 16)) {
        if (!strcmp(name, "ECHO")) echo(element, end);
        if (!strcmp(name, "GO")) go();
    }
}

/* The end of the element at p, or NULL while it is not all there. */
static const char *element_end(const char *p)
{
    const char *head = strchr(p, '>');
    if (!head || head[-1] == '/' || p[1] == '?' || p[1] == '/') return head ? head + 1 : NULL;
    char tag[64] = "</";
    size_t n = strcspn(p + 1, " \t\r\n>/");
    if (n > 60) _exit(5);
    memcpy(tag + 2, p + 1, n);
    const char *end = strstr(head, tag);
    end = end ? strchr(end, '>') : NULL;
    return end ? end + 1 : NULL;
}

static int take_element(void)
{
    static char element[sizeof in];
    const char *start = memchr(in, '<', in_len), *end = start ? element_end(start) : NULL;
    if (!end) return 0;
    size_t n = (size_t)(end - start);
    memcpy(element, start, n);
    element[n] = 0;
    in_len -= (size_t)(end - in);
    memmove(in, end, in_len + 1); /* before it is obeyed: a wait for a pong reads further input */
    obey(element, element + n);
    return 1;
}

static void options(int argc, char **argv)
{
    if (argc > 1) device = argv[1];
    if (argc > 2) mode = argv[2];
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) continue;
        *value++ = 0;
        size_t number = strtoull(value, NULL, 10);
        if (!strcmp(argv[i], "n")) count = number;
        if (!strcmp(argv[i], "props")) props = number;
        if (!strcmp(argv[i], "per")) per = number;
        if (!strcmp(argv[i], "every")) every = number;
        if (!strcmp(argv[i], "size")) size = number;
        if (!strcmp(argv[i], "layout")) lined = !strcmp(value, "lines");
        if (!strcmp(argv[i], "style")) like_libindi = !strcmp(value, "libindi");
        if (!strcmp(argv[i], "ping")) ping = (int)number;
        if (!strcmp(argv[i], "shm")) shm = (int)number;
    }
}

int main(int argc, char **argv)
{
    options(argc, argv);
    prctl(PR_SET_TIMERSLACK, 1);
    pattern_init();
    int domain = 0;
    socklen_t n = sizeof domain;
    if (shm && !getsockopt(1, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_UNIX) prepare_images();
    for (;;) {
        while (take_element()) {}
        if (!more_input()) _exit(6);
    }
}
