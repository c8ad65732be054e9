/* What one connection of the checking client receives: elements found in the bytes, and checked.
 *
 * Numbers and images carry the count of those before them. A number's element is compared with the one before (all
 * but its digits), so that the check costs little; whatever differs is parsed. */
#ifndef STREAM_H
#define STREAM_H
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "pattern.h"

enum { WIDTH = 16, REST = 64 * 1024, MAX_FDS = 64 };
enum kind { NUMBERS, BLOBS, TICKS, RTT, IDLE };

struct text { /* the base64 of the image being received */
    size_t n;   /* characters so far, white space not counted */
    int broken; /* the last white space was a line break after a whole line */
    int lined, wrong;
    size_t seq;
};

struct conn {
    int fd, stalled, ready, done, closed, deleted;
    int upgraded;         /* a page: its WebSocket has begun */
    int in_text, in_tail; /* inside an image; behind its text */
    struct text text;
    long enclen;     /* of the image's head, -1 without */
    size_t expected; /* the next number or image */
    size_t got, bytes, total, echoed;
    char want[WIDTH]; /* expected, as digits */
    char rest[REST];  /* the part of an element that waits for more */
    size_t rest_len;
    int fds[MAX_FDS], fd_count; /* descriptors received and not yet asked for */
};

struct template { /* an element as this server writes it, but for its digits */
    char text[1024];
    size_t len, at;
};

static const char *device = "Load";
static enum kind kind;
static size_t props = 1, size = 1 << 20;
static struct template templates[10];
static size_t lost, disordered, bad, images_lined, images_line, images_attached, shared;
static char note[200]; /* the first thing that was wrong */
static double *latency;
static size_t latencies, latency_room;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void complain(const char *what, size_t have, size_t want)
{
    if (!*note) snprintf(note, sizeof note, "%s (%zu, expected %zu)", what, have, want);
}

static void add_latency(double seconds)
{
    if (latencies == latency_room) {
        latency_room = latency_room ? latency_room * 2 : 4096;
        latency = realloc(latency, latency_room * sizeof *latency);
    }
    latency[latencies++] = seconds;
}

/* The value of an attribute of the tag at p; empty where there is none. */
static void attribute(const char *p, const char *end, const char *name, char *to, size_t room)
{
    *to = 0;
    size_t n = strlen(name);
    for (; p + n + 3 < end && *p != '>'; p++) {
        if (p[0] > ' ' || strncmp(p + 1, name, n) || p[n + 1] != '=') continue;
        const char *from = p + n + 3, *quote = memchr(from, p[n + 2], (size_t)(end - from));
        if (!quote || (size_t)(quote - from) >= room) return;
        memcpy(to, from, (size_t)(quote - from));
        to[quote - from] = 0;
        return;
    }
}

/* The text of a number vector's member, or NULL. */
static const char *member(const char *p, const char *end, const char *wanted)
{
    char name[64];
    while ((p = memmem(p, (size_t)(end - p), "<oneNumber", 10))) {
        attribute(p, end, "name", name, sizeof name);
        p = memchr(p, '>', (size_t)(end - p));
        if (!p) return NULL;
        p++;
        if (strcmp(name, wanted)) continue;
        while (p < end && *p <= ' ') p++;
        return p;
    }
    return NULL;
}

static int is(const char *p, const char *tag)
{
    size_t n = strlen(tag);
    return !strncmp(p + 1, tag, n) && (p[n + 1] <= ' ' || p[n + 1] == '>' || p[n + 1] == '/');
}

/* Takes the count of what arrived and says what is missing or came at the wrong time. */
static void in_order(struct conn *c, size_t seq)
{
    if (seq > c->expected) {
        lost += seq - c->expected;
        complain("lost: the next that came", seq, c->expected);
    } else if (seq < c->expected) {
        disordered++;
        complain("out of order", seq, c->expected);
        return;
    }
    c->expected = seq + 1;
}

static void set_want(struct conn *c)
{
    size_t value = c->expected;
    for (int i = WIDTH; i--; value /= 10) c->want[i] = (char)('0' + value % 10);
}

static void learn(const char *p, const char *end, const char *digits, size_t prop)
{
    struct template *t = &templates[prop];
    if (strspn(digits, "0123456789") != WIDTH || (size_t)(end - p) > sizeof t->text) return;
    memcpy(t->text, p, (size_t)(end - p));
    t->len = (size_t)(end - p), t->at = (size_t)(digits - p);
}

static void take_number(struct conn *c, const char *p, const char *end, const char *name)
{
    char state[16];
    const char *digits = member(p, end, "V");
    size_t value = digits ? strtoull(digits, NULL, 10) : 0, prop = (size_t)(name[3] - '0');
    attribute(p, end, "state", state, sizeof state);
    c->got++;
    if (kind == TICKS) {
        add_latency(now() - (double)value / 1e6);
        return;
    }
    if (!digits || strcmp(state, "Ok") || prop != value % props) {
        bad++;
        complain("a number whose content is wrong", value, c->expected);
        return;
    }
    in_order(c, value);
    set_want(c);
    learn(p, end, digits, prop);
}

static void take_end(struct conn *c, const char *p, const char *end)
{
    const char *total = member(p, end, "V"), *how = member(p, end, "SHARED");
    c->total = total ? strtoull(total, NULL, 10) : 0;
    shared = how ? strtoull(how, NULL, 10) : 0;
    size_t have = kind == TICKS ? c->got : c->expected;
    if (have < c->total) {
        lost += c->total - have;
        complain("lost at the end", have, c->total);
    }
    c->done = 1;
}

static void take_element(struct conn *c, const char *p, const char *end)
{
    char from[64], name[64];
    attribute(p, end, "device", from, sizeof from);
    attribute(p, end, "name", name, sizeof name);
    if (strcmp(from, device)) return;
    if (is(p, "defBLOBVector") && !strcmp(name, "IMG")) c->ready = 1;
    if (is(p, "delProperty")) c->deleted = 1;
    if (!is(p, "setNumberVector")) return;
    if (!strncmp(name, "NUM", 3)) take_number(c, p, end, name);
    if (!strcmp(name, "END")) take_end(c, p, end);
    if (!strcmp(name, "ECHO")) {
        const char *digits = member(p, end, "V");
        c->echoed = digits ? strtoull(digits, NULL, 10) : 0;
    }
}

/* As much of the text as is just what is expected next; the layout is the one seen so far. */
static size_t expected_text(struct text *t, const char *p, size_t len)
{
    size_t enc = encoded_length(size);
    if (t->wrong || t->n < LINE || t->n >= enc - 4) return 0;
    size_t at = t->n, end = enc - 4, period = PERIOD;
    if (t->lined) {
        at = lined_offset(t->n) - (t->n % LINE == 0 && !t->broken);
        end = lined_offset(end), period = LINED_PERIOD;
    }
    size_t k = end - at < BLOCK ? end - at : BLOCK;
    if (k > len) k = len;
    if (memcmp(p, (t->lined ? lined_text : plain_text) + at % period, k)) return 0;
    at += k;
    if (!t->lined) {
        t->n = at;
    } else {
        size_t column = at % (LINE + 1);
        t->n = at / (LINE + 1) * LINE + column;
        t->broken = column == 0;
    }
    return k;
}

static void take_char(struct text *t, char ch)
{
    size_t enc = encoded_length(size);
    if (ch <= ' ') {
        int whole = ch == '\n' && t->n && t->n % LINE == 0;
        if (whole) t->lined = t->broken = 1;
        return;
    }
    if (t->n && t->n % LINE == 0 && !t->broken) t->lined = 0;
    char want = t->n < enc - 4 ? plain_text[t->n % PERIOD] : last_quantum(size)[(t->n - (enc - 4)) & 3];
    if (t->n < SEQ_CHARS) {
        t->seq = t->seq * 10 + (size_t)(ch - '0');
        if (ch < '0' || ch > '9') t->wrong = 1;
    } else if (ch != want || t->n >= enc) {
        t->wrong = 1;
    }
    t->broken = 0;
    t->n++;
}

/* Checks text up to the next tag; returns the bytes taken. */
static size_t take_text(struct text *t, const char *p, size_t len)
{
    size_t i = 0;
    while (i < len && p[i] != '<') {
        size_t k = expected_text(t, p + i, len - i);
        if (!k && t->wrong) { /* nothing to learn from the rest */
            const char *tag = memchr(p + i, '<', len - i);
            return tag ? (size_t)(tag - p) : len;
        }
        if (k)
            i += k;
        else
            take_char(t, p[i++]);
    }
    return i;
}

static void end_image(struct conn *c)
{
    size_t enc = encoded_length(size);
    c->got++;
    if (c->text.wrong || c->text.n != enc) {
        bad++;
        complain(c->text.wrong ? "an image whose content is wrong, at character" : "an image cut short", c->text.n, enc);
        return;
    }
    if (c->enclen >= 0 && (!c->text.lined || (size_t)c->enclen != enc)) {
        bad++;
        complain("enclen beside unbroken base64, or a wrong one", (size_t)c->enclen, enc);
    }
    *(c->text.lined ? &images_lined : &images_line) += 1;
    in_order(c, c->text.seq);
}

/* An image handed over as a descriptor, of which the base64 is what would have come inline. */
static void take_attached(struct conn *c)
{
    struct stat st;
    c->got++, images_attached++;
    if (!c->fd_count || fstat(c->fds[0], &st) || (size_t)st.st_size < size) {
        bad++;
        complain("an attached image without its descriptor", 0, size);
        return;
    }
    int fd = c->fds[0];
    memmove(c->fds, c->fds + 1, (size_t)--c->fd_count * sizeof *c->fds);
    unsigned char *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    struct text t = {0};
    size_t whole = (encoded_length(size) - 4) / 4 * 3;
    for (size_t i = 0; i < whole && at != MAP_FAILED; i += 3) {
        unsigned v = (unsigned)at[i] << 16 | (unsigned)at[i + 1] << 8 | at[i + 2];
        for (int s = 18; s >= 0; s -= 6) take_char(&t, base64_chars[v >> s & 63]);
    }
    if (at == MAP_FAILED || t.wrong) {
        bad++;
        complain("an attached image whose content is wrong", t.n, encoded_length(size));
    } else {
        in_order(c, t.seq);
    }
    if (at != MAP_FAILED) munmap(at, size);
}

/* The head of a BLOB vector. Returns what comes behind it, or NULL while it is not all there. */
static const char *take_blob_head(struct conn *c, const char *p, const char *end)
{
    char value[64];
    const char *head = memchr(p, '>', (size_t)(end - p)), *one;
    if (!head) return NULL;
    if (head[-1] == '/') return head + 1; /* a state without an image */
    for (one = head + 1; one < end && *one <= ' '; one++) {}
    const char *close = one < end ? memchr(one, '>', (size_t)(end - one)) : NULL;
    if (!close) return NULL;
    if (one[1] == '/') return close + 1;
    attribute(one, close, "size", value, sizeof value);
    if (strtoull(value, NULL, 10) != size) {
        bad++;
        complain("an image of the wrong size", strtoull(value, NULL, 10), size);
    }
    attribute(one, close, "enclen", value, sizeof value);
    c->enclen = *value ? strtol(value, NULL, 10) : -1;
    attribute(one, close, "attached", value, sizeof value);
    c->in_tail = !strcmp(value, "true");
    c->in_text = !c->in_tail;
    c->text = (struct text){0};
    if (c->in_tail) take_attached(c);
    return close + 1;
}

/* The end of the element at p, or NULL while it is not all there. */
static const char *element_end(const char *p, const char *end)
{
    const char *head = memchr(p, '>', (size_t)(end - p));
    if (!head || head[-1] == '/' || p[1] == '?' || p[1] == '/') return head ? head + 1 : NULL;
    char tag[64] = "</";
    size_t n = strcspn(p + 1, " \t\r\n>/");
    if (n > 60) n = 60;
    memcpy(tag + 2, p + 1, n);
    const char *close = memmem(head, (size_t)(end - head), tag, n + 2);
    close = close ? memchr(close, '>', (size_t)(end - close)) : NULL;
    return close ? close + 1 : NULL;
}

/* Elements that are as the one before, but for the digits that are expected. */
static const char *take_alike(struct conn *c, const char *p, const char *end)
{
    static const char declaration[] = "<?xml version='1.0'?>\n"; /* libindi's, which a copy loop passes on */
    for (;;) {
        if ((size_t)(end - p) >= sizeof declaration && !memcmp(p, declaration, sizeof declaration - 1))
            p += sizeof declaration - 1;
        const struct template *t = &templates[c->expected % props];
        if (!t->len || (size_t)(end - p) < t->len || memcmp(p, t->text, t->at)) return p;
        if (memcmp(p + t->at, c->want, WIDTH)) return p;
        if (memcmp(p + t->at + WIDTH, t->text + t->at + WIDTH, t->len - t->at - WIDTH)) return p;
        p += t->len;
        c->expected++, c->got++;
        int i = WIDTH - 1;
        while (c->want[i] == '9') c->want[i--] = '0';
        c->want[i]++;
        while (p < end && *p <= ' ') p++;
    }
}

/* Takes what is complete from p to end and returns what is left. *end is a byte that may be read. */
static const char *consume(struct conn *c, const char *p, const char *end)
{
    while (p < end) {
        const char *next;
        if (c->in_text) {
            p += take_text(&c->text, p, (size_t)(end - p));
            if (p == end) return p;
            end_image(c);
            c->in_text = 0, c->in_tail = 1;
        }
        if (c->in_tail) {
            const char *tail = memmem(p, (size_t)(end - p), "</setBLOBVector", 15);
            next = tail ? memchr(tail, '>', (size_t)(end - tail)) : NULL;
            if (!next) return p;
            c->in_tail = 0;
            p = next + 1;
            continue;
        }
        if (kind == NUMBERS) p = take_alike(c, p, end);
        p = p < end ? memchr(p, '<', (size_t)(end - p)) : NULL;
        if (!p) return end;
        if ((size_t)(end - p) < 16) return p;
        if (is(p, "setBLOBVector")) {
            next = take_blob_head(c, p, end);
        } else {
            next = element_end(p, end);
            if (next) take_element(c, p, next);
        }
        if (!next) return p;
        p = next;
    }
    return p;
}
#endif
