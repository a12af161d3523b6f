/* SPDX-License-Identifier: MIT */
/*
 * Shared objects.  Part 0 has the size the object was made with; each one after it is as
 * large as all before it together.  Each process keeps views of what it looked at last.
 */

#include "core/shared.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/lock.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define PART_COUNT 48u                  /* of one granule at first: 2^63 bytes */
#define WINDOW_SIZE (UINT64_C(1) << 20) /* what core_shared_look() maps */
#define VIEW_SETS 16u
#define VIEW_WAYS 4u
#define VIEW_CHANGES (UINT32_C(1) << 31)
#define SIZE_MAX_NEW (UINT64_C(1) << 47)

#define GRANULE_DOWN(x) ((x) & ~(uint64_t)(PLAT_GRANULE - 1))
#define GRANULE_UP(x) GRANULE_DOWN((x) + PLAT_GRANULE - 1)

struct core_shared {
    _Atomic uint32_t refs;
    uint64_t serial;                   /* constant: no other object ever has it; never 0 */
    uint64_t first;                    /* constant: size of part 0; 0: it is a file of the host */
    struct core_lock lock;             /* guards the making of parts */
    _Atomic uint64_t keys[PART_COUNT]; /* of parts; 0: not made yet */
    _Atomic uint64_t reader, writer;   /* of a file of the host, which has no parts */
};

struct objects {
    uint32_t keeper; /* constant */
    _Atomic uint64_t next_place;
    _Atomic uint64_t last_serial;
    _Atomic uint64_t count;
    _Atomic uint64_t gone; /* objects with memory that were freed */
};

/*
 * A window of an object in this process, for those who look at it.  Who adds to `users` and finds
 * no VIEW_CHANGES may read the rest; who changes 0 to VIEW_CHANGES may write it.
 */
struct core_shared_view {
    _Atomic uint32_t users;
    _Atomic uint64_t serial; /* of the object; 0: nothing is mapped */
    _Atomic uint64_t begin;  /* of the window, in the object */
    uint8_t *bytes;
    uint64_t size;
};

/* By window; a set's are replaced in turn. */
struct views {
    _Atomic uint64_t gone; /* objects->gone when views were last dropped for it */
    struct view_set {
        _Atomic uint32_t next;
        struct core_shared_view views[VIEW_WAYS];
    } sets[VIEW_SETS];
};

static struct objects *objects(void)
{
    return core_arena_root(CORE_ROOT_SHARED);
}

int core_shared_init(void)
{
    struct objects *o = core_arena_alloc(sizeof *o);
    if (!o)
        return -LX_ENOMEM;
    o->keeper = plat_process_id();
    core_arena_set_root(CORE_ROOT_SHARED, o);
    return 0;
}

uint32_t core_shared_keeper(void)
{
    return objects()->keeper;
}

static int new_object(uint64_t first, struct core_shared **out)
{
    *out = NULL;
    struct core_shared *s = core_arena_alloc(sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    s->refs = 1;
    s->serial = atomic_fetch_add(&objects()->last_serial, 1) + 1;
    s->first = first;
    core_lock_init(&s->lock, CORE_LOCK_SHARED);
    atomic_fetch_add(&objects()->count, 1);
    *out = s;
    return 0;
}

int core_shared_new(uint64_t size, struct core_shared **out)
{
    *out = NULL;
    return size <= SIZE_MAX_NEW ? new_object(size ? GRANULE_UP(size) : PLAT_GRANULE, out)
                                : -LX_ENOMEM;
}

int core_shared_new_file(struct core_shared **out)
{
    return new_object(0, out);
}

static uint64_t part_begin(const struct core_shared *s, uint32_t part)
{
    return part ? s->first << (part - 1) : 0;
}

static uint64_t part_size(const struct core_shared *s, uint32_t part)
{
    return part ? s->first << (part - 1) : s->first;
}

static uint32_t part_of(const struct core_shared *s, uint64_t offset)
{
    return offset < s->first ? 0 : 64 - (uint32_t)__builtin_clzll(offset / s->first);
}

void core_shared_set_file(struct core_shared *s, uint64_t reader, uint64_t writer)
{
    s->reader = reader;
    s->writer = writer;
}

struct core_shared *core_shared_get(struct core_shared *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static struct views *views(void)
{
    static struct views all; /* this process's */
    return &all;
}

static int view_claim(struct core_shared_view *v)
{
    uint32_t none = 0;
    return atomic_compare_exchange_strong(&v->users, &none, VIEW_CHANGES);
}

static void view_empty(struct core_shared_view *v)
{
    if (v->serial)
        plat_shared_unmap(v->bytes, v->size);
    v->serial = 0;
}

/* Drop this process's views of one object, or (0) all, but those that somebody looks at. */
static void drop_views(uint64_t serial)
{
    struct views *all = views();
    for (uint32_t i = 0; i < VIEW_SETS * VIEW_WAYS; i++) {
        struct core_shared_view *v = &all->sets[i / VIEW_WAYS].views[i % VIEW_WAYS];
        uint64_t there = atomic_load_explicit(&v->serial, memory_order_relaxed);
        if (!there || (serial && there != serial) || !view_claim(v))
            continue;
        view_empty(v);
        atomic_fetch_sub(&v->users, VIEW_CHANGES);
    }
}

void core_shared_rest(void)
{
    drop_views(0);
}

void core_shared_put(struct core_shared *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    struct objects *o = objects();
    uint32_t parts = 0;
    for (uint32_t i = 0; i < PART_COUNT; i++)
        parts += s->keys[i] != 0;
    if (parts)
        drop_views(s->serial);
    for (uint32_t i = 0; i < PART_COUNT; i++) {
        if (s->keys[i])
            plat_shared_free(o->keeper, s->keys[i], part_size(s, i));
    }
    if (parts)
        atomic_fetch_add(&o->gone, 1);
    atomic_fetch_sub(&o->count, 1);
    core_arena_free(s, sizeof *s);
}

uint64_t core_shared_size(const struct core_shared *s)
{
    return s->first;
}

uint64_t core_shared_part_end(const struct core_shared *s, uint64_t offset)
{
    if (!s->first)
        return UINT64_MAX;
    uint32_t part = part_of(s, offset);
    return part_begin(s, part) + part_size(s, part);
}

/* The part's key, made if need be; 0: no memory. */
static uint64_t key_of(struct core_shared *s, uint32_t part)
{
    uint64_t key = atomic_load_explicit(&s->keys[part], memory_order_acquire);
    if (key)
        return key;
    struct objects *o = objects();
    core_lock_acquire(&s->lock);
    key = s->keys[part];
    if (!key) {
        uint64_t size = part_size(s, part);
        uint64_t place = atomic_fetch_add(&o->next_place, size);
        if (plat_shared_new(o->keeper, place, size, &key) == 0)
            atomic_store_explicit(&s->keys[part], key, memory_order_release);
    }
    core_lock_release(&s->lock);
    return key;
}

static int map_part(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                    uint32_t prot, void **view)
{
    uint32_t part = part_of(s, offset);
    *view = NULL;
    uint64_t key = part < PART_COUNT ? key_of(s, part) : 0;
    if (!key)
        return -LX_ENOMEM;
    return plat_shared_map(objects()->keeper, key, offset - part_begin(s, part), addr, size, prot,
                           view);
}

static int map_file(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                    int writable, uint64_t *there)
{
    uint64_t key = writable || !s->reader ? s->writer : s->reader;
    struct plat_file *file;
    if (!key)
        return -LX_EACCES;
    int err = plat_file_fetch(objects()->keeper, key, &file);
    if (err < 0)
        return err;
    err = plat_file_view(file, offset, addr, size, writable, there);
    plat_file_close(file);
    return err;
}

int core_shared_map(struct core_shared *s, uint64_t offset, uint64_t addr, uint64_t size,
                    int writable, uint64_t *there)
{
    void *view;
    *there = 0;
    if (!s->first)
        return map_file(s, offset, addr, size, writable, there);
    int err = map_part(s, offset, addr, size, 0, &view);
    if (err == 0)
        *there = size;
    return err;
}

void core_shared_unmap(uint64_t addr, uint64_t size)
{
    plat_shared_unmap((void *)addr, size);
}

static int is_view_of(struct core_shared_view *v, const struct core_shared *s, uint64_t begin)
{
    return atomic_load_explicit(&v->serial, memory_order_relaxed) == s->serial &&
           atomic_load_explicit(&v->begin, memory_order_relaxed) == begin;
}

/* The view of a window, with one user more; NULL: this process has none. */
static struct core_shared_view *view_find(struct view_set *set, const struct core_shared *s,
                                          uint64_t begin)
{
    for (uint32_t i = 0; i < VIEW_WAYS; i++) {
        struct core_shared_view *v = &set->views[i];
        if (!is_view_of(v, s, begin))
            continue;
        if (!(atomic_fetch_add(&v->users, 1) & VIEW_CHANGES) && is_view_of(v, s, begin))
            return v;
        atomic_fetch_sub(&v->users, 1);
    }
    return NULL;
}

/* A view for a window in place of an older one, with one user; NULL: all are looked at. */
static struct core_shared_view *view_claim_one(struct view_set *set)
{
    for (uint32_t i = 0; i < VIEW_WAYS; i++) {
        struct core_shared_view *v = &set->views[atomic_fetch_add(&set->next, 1) % VIEW_WAYS];
        if (view_claim(v))
            return v;
    }
    return NULL;
}

/* Map a window, where others find it if there is room. */
static int view_make(struct view_set *set, struct core_shared *s, uint64_t begin, uint64_t size,
                     struct core_shared_piece *out)
{
    struct views *all = views();
    uint64_t gone = atomic_load(&objects()->gone);
    if (atomic_exchange(&all->gone, gone) != gone)
        drop_views(0); /* theirs may be among them, which no one else can free */
    void *bytes;
    int err = map_part(s, begin, 0, size, PLAT_READ | PLAT_WRITE, &bytes);
    if (err < 0)
        return err;
    out->bytes = bytes;
    struct core_shared_view *v = view_claim_one(set);
    if (!v) {
        out->mapped = bytes;
        out->mapped_size = size;
        return 0;
    }
    view_empty(v);
    v->begin = begin;
    v->bytes = bytes;
    v->size = size;
    v->serial = s->serial;
    atomic_fetch_sub(&v->users, VIEW_CHANGES - 1); /* and one is this */
    out->view = v;
    return 0;
}

int core_shared_look(struct core_shared *s, uint64_t offset, uint64_t size, int make,
                     struct core_shared_piece *out)
{
    memset(out, 0, sizeof *out);
    if (!s->first)
        return -LX_ENODEV;
    uint32_t part = part_of(s, offset);
    if (part >= PART_COUNT)
        return -LX_ENOMEM;
    uint64_t end = core_shared_part_end(s, offset);
    if (!make && !atomic_load_explicit(&s->keys[part], memory_order_acquire)) {
        out->size = size < end - offset ? size : end - offset;
        return 0;
    }
    uint64_t skip = (offset - part_begin(s, part)) % WINDOW_SIZE, begin = offset - skip;
    uint64_t window = end - begin < WINDOW_SIZE ? end - begin : WINDOW_SIZE;
    struct view_set *set = &views()->sets[(s->serial * 5 + begin / WINDOW_SIZE) % VIEW_SETS];
    out->view = view_find(set, s, begin);
    if (out->view) {
        out->bytes = out->view->bytes;
    } else {
        int err = view_make(set, s, begin, window, out);
        if (err < 0)
            return err;
    }
    out->bytes += skip;
    out->size = size < window - skip ? size : window - skip;
    return 0;
}

void core_shared_look_end(struct core_shared_piece *piece)
{
    if (piece->view)
        atomic_fetch_sub(&piece->view->users, 1);
    if (piece->mapped)
        plat_shared_unmap(piece->mapped, piece->mapped_size);
}

int core_shared_zero(struct core_shared *s, uint64_t offset, uint64_t size)
{
    while (size) {
        struct core_shared_piece piece;
        int err = core_shared_look(s, offset, size, 0, &piece);
        if (err < 0)
            return err;
        if (piece.bytes)
            memset(piece.bytes, 0, piece.size);
        offset += piece.size;
        size -= piece.size;
        core_shared_look_end(&piece);
    }
    return 0;
}

uint64_t core_shared_count(void)
{
    return objects()->count;
}
