#include "lib/stores.h"
#include "format/index.h"
#include "unit/repo_fixture.h"
#include <sys/resource.h>
#include <pthread.h>

static struct buf text(size_t n)
{
	struct buf b;

	buf_init(&b, n + 1);
	buf_reserve(&b, n + 1);
	fixture_fill(b.p, n, n, true);
	b.len = n;
	return b;
}

TEST(save_then_load)
{
	static const size_t size[] = {0, 1, 100, 255, 256, 70000, 3000000};

	for (unsigned version = 1; version <= 2; version++) {
		struct fixture f;

		fixture_init(&f, version);
		for (size_t i = 0; i < sizeof(size) / sizeof(*size); i++) {
			struct buf in = text(size[i]), out;
			struct err err = {0};
			struct id id;
			uint64_t stored;

			buf_init(&out, size[i] + 16);
			REQUIRE(repo_save(f.repo, BACKEND_SNAPSHOT, in.p, in.len, &id, &err) == 0);
			REQUIRE(repo_load(f.repo, BACKEND_SNAPSHOT, &id, &out, &err) == 0);
			CHECK_EQ(out.len, in.len);
			CHECK_MEM(out.p, in.p, in.len);
			REQUIRE(backend_stat(f.be, BACKEND_SNAPSHOT, &id, &stored, NULL) == 0);
			if (version == 1)
				CHECK_EQ(stored, in.len + SEAL_OVERHEAD);
			else if (in.len > 60000)
				CHECK(stored < in.len / 2); /* eight values a byte */
			buf_release(&in);
			buf_release(&out);
		}
		fixture_release(&f);
	}
}

TEST(two_files_of_one_text_differ)
{
	struct fixture f;
	struct id a, b;

	fixture_init(&f, 2);
	REQUIRE(repo_save(f.repo, BACKEND_LOCK, "same", 4, &a, NULL) == 0);
	REQUIRE(repo_save(f.repo, BACKEND_LOCK, "same", 4, &b, NULL) == 0);
	CHECK(!id_equal(&a, &b));
	fixture_release(&f);
}

/* Stores `plain` as it is, without envelope. */
static struct id put_raw(struct fixture *f, enum backend_type t, const void *plain, size_t n)
{
	struct repo_ctx *c = repo_ctx_get(f->repo);
	uint8_t *sealed = mem_alloc(n + SEAL_OVERHEAD);
	struct id id;

	seal_put(c->seal, repo_ctx_iv(c), plain, n, sealed);
	hash_once(c->hash, sealed, n + SEAL_OVERHEAD, &id);
	REQUIRE(backend_put(f->be, t, &id, sealed, n + SEAL_OVERHEAD, NULL) == 0);
	mem_free(sealed);
	repo_ctx_put(f->repo, c);
	return id;
}

TEST(encodings_of_version_2)
{
	static const struct {
		const char *plain;
		size_t n;
		int code;
	} c[] = {
		{"{\"a\":1}", 7, 0},
		{"[1]", 3, 0},
		{"", 0, 0},
		{"\x02garbage", 8, ERR_INVALID},
		{"\x03{}", 3, ERR_UNSUPPORTED},
		{" {}", 3, ERR_UNSUPPORTED},
	};
	struct fixture f;

	fixture_init(&f, 2);
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct id id = put_raw(&f, BACKEND_SNAPSHOT, c[i].plain, c[i].n);
		struct err err = {0};
		struct buf out;

		buf_init(&out, 100);
		CHECK_EQ(repo_load(f.repo, BACKEND_SNAPSHOT, &id, &out, &err), c[i].code);
		if (!c[i].code) {
			CHECK_EQ(out.len, c[i].n);
			CHECK_MEM(out.p, c[i].plain, c[i].n);
		}
		buf_release(&out);
	}
	fixture_release(&f);
}

TEST(version_1_takes_bytes_as_they_are)
{
	struct fixture f;
	struct id id;
	struct buf out;

	fixture_init(&f, 1);
	id = put_raw(&f, BACKEND_SNAPSHOT, "\x02xyz", 4);
	buf_init(&out, 100);
	CHECK_EQ(repo_load(f.repo, BACKEND_SNAPSHOT, &id, &out, NULL), 0);
	CHECK_EQ(out.len, 4);
	buf_release(&out);
	fixture_release(&f);
}

TEST(damage_at_every_byte_is_found)
{
	struct fixture f;
	struct buf b;
	struct id id;
	size_t n;

	fixture_init(&f, 2);
	REQUIRE(repo_save(f.repo, BACKEND_SNAPSHOT, "{\"some\":\"text\"}", 15, &id, NULL) == 0);
	buf_init(&b, 1000);
	REQUIRE(backend_get(f.be, BACKEND_SNAPSHOT, &id, &b, NULL) == 0);
	n = b.len;
	for (size_t i = 0; i <= n; i++) {
		struct err err = {0};
		struct buf out;
		struct id name;

		if (i < n)
			b.p[i] ^= 0x10;
		else
			b.len = n - 1; /* cut off */
		/* Under its own name the hash tells; under the name of the damaged bytes the seal
		 * does. */
		for (int honest = 0; honest < 2; honest++) {
			name = honest ? fixture_hash(b.p, b.len) : id;
			buf_init(&out, 1000);
			CHECK_EQ(repo_open_file(f.repo, BACKEND_SNAPSHOT, &name, b.p, b.len, &out,
					 &err),
				ERR_INVALID);
			CHECK_EQ(out.len, 0);
			buf_release(&out);
		}
		if (i < n)
			b.p[i] ^= 0x10;
	}
	buf_release(&b);
	fixture_release(&f);
}

TEST(a_file_larger_than_the_callers_bound)
{
	for (unsigned version = 1; version <= 2; version++) {
		struct fixture f;
		struct buf in = text(200000), out;
		struct err err = {0};
		struct id id;

		fixture_init(&f, version);
		REQUIRE(repo_save(f.repo, BACKEND_SNAPSHOT, in.p, in.len, &id, NULL) == 0);
		buf_init(&out, 100000);
		CHECK_EQ(repo_load(f.repo, BACKEND_SNAPSHOT, &id, &out, &err), ERR_NOMEM);
		buf_release(&in);
		buf_release(&out);
		fixture_release(&f);
	}
}

TEST(damage_on_the_way_is_read_again)
{
	struct backend_fault_policy p = {.get_flip = 300000};
	struct fixture f;
	struct id id;
	int bad = 0;

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &p), 2);
	REQUIRE(repo_save(f.repo, BACKEND_SNAPSHOT, "{}", 2, &id, NULL) == 0);
	for (int i = 0; i < 300; i++) {
		struct err err = {0};
		struct buf out;

		buf_init(&out, 100);
		bad += repo_load(f.repo, BACKEND_SNAPSHOT, &id, &out, &err) != 0;
		buf_release(&out);
	}
	/* 0.3 of the reads fail; both of two in about 27 cases. */
	CHECK(bad > 5 && bad < 55);
	fixture_release(&f);
}

TEST(a_failed_save_names_the_file)
{
	struct backend_fault_policy p = {.put_fail = 1000000};
	struct err err = {0};
	struct fixture f;
	struct id id;

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &p), 2);
	CHECK_EQ(repo_save(f.repo, BACKEND_INDEX, "{}", 2, &id, &err), ERR_IO);
	CHECK(strstr(err.msg, "save index") == err.msg);
	fixture_release(&f);
}

struct seen {
	size_t packs, blobs;
	struct id last;
};

static int see(void *arg, const struct id *pack, const struct blob *b, size_t n)
{
	struct seen *s = arg;

	s->packs++;
	s->blobs += n;
	s->last = b[n - 1].id;
	return pack->b[0] == 0 && s->packs == 100 ? 42 : 0;
}

TEST(index_as_a_stream)
{
	for (int how = 0; how < 3; how++) { /* version 1, version 2 compressed, version 2 plain */
		struct fixture f;
		struct index_out x;
		struct buf json;
		struct seen seen = {0};
		struct err err = {0};
		struct blob b[20] = {0};
		struct id id, pack;

		fixture_init(&f, how == 0 ? 1 : 2);
		buf_init(&json, (size_t)1 << 26);
		index_begin(&x, &json);
		for (uint64_t i = 0; i < 500; i++) {
			for (uint64_t k = 0; k < 20; k++)
				b[k] = (struct blob){.id = fixture_id(i * 20 + k),
					.length = 1000,
					.offset = (uint32_t)k * 1000};
			pack = fixture_id(100000 + i);
			index_pack(&x, &pack, b, 20);
		}
		index_end(&x);
		if (how == 2)
			id = put_raw(&f, BACKEND_INDEX, json.p, json.len);
		else
			REQUIRE(repo_save(f.repo, BACKEND_INDEX, json.p, json.len, &id, NULL) == 0);
		REQUIRE(repo_load_index(f.repo, &id, see, &seen, &err) == 0);
		CHECK_EQ(seen.packs, 500);
		CHECK_EQ(seen.blobs, 10000);
		CHECK(id_equal(&seen.last, &b[19].id));
		fixture_spoil(f.be, BACKEND_INDEX, &id, true);
		CHECK_EQ(repo_load_index(f.repo, &id, see, &seen, &err), ERR_INVALID);
		CHECK(strstr(err.msg, id_short(&id).s) != NULL);
		CHECK_EQ(seen.packs, 500);
		buf_release(&json);
		fixture_release(&f);
	}
}

/* n packs of 20 blobs each, as index_as_a_stream has them. */
static void make_packs(struct repo_pack *p, struct blob *b, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		p[i] = (struct repo_pack){.id = fixture_id(100000000 + i), .blobs = 20};
		for (uint64_t k = 0; k < 20; k++)
			b[i * 20 + k] = (struct blob){.id = fixture_id(i * 20 + k),
				.type = k % 2 ? BLOB_TREE : BLOB_DATA,
				.length = 1000,
				.offset = (uint32_t)k * 1000};
	}
}

static int only(void *arg, const struct id *name, uint64_t size)
{
	(void)size;
	*(struct id *)arg = *name;
	return 0;
}

TEST(a_saved_index_is_what_its_json_says)
{
	enum { PACKS = 500 };

	for (unsigned how = 0; how < 4; how++) { /* versions 1 and 2, verified or not */
		struct repo_pack *p = mem_array(PACKS, sizeof(*p));
		struct blob *b = mem_array(PACKS * 20, sizeof(*b));
		struct seen seen = {0};
		struct err err = {0};
		struct index_out x;
		struct buf want, got;
		struct fixture f;
		struct id id;

		fixture_init(&f, 1 + how / 2);
		f.repo->verify = how % 2;
		make_packs(p, b, PACKS);
		REQUIRE(repo_save_index(f.repo, p, PACKS, b, &err) == 0);
		REQUIRE(fixture_count(f.be, BACKEND_INDEX) == 1);
		REQUIRE(backend_list(f.be, BACKEND_INDEX, only, &id, &err) == 0);
		buf_init(&want, (size_t)1 << 26);
		buf_init(&got, (size_t)1 << 26);
		index_begin(&x, &want);
		for (size_t i = 0; i < PACKS; i++)
			index_pack(&x, &p[i].id, b + i * 20, 20);
		index_end(&x);
		REQUIRE(repo_load(f.repo, BACKEND_INDEX, &id, &got, &err) == 0);
		CHECK(got.len == want.len && memcmp(got.p, want.p, want.len) == 0);
		REQUIRE(repo_load_index(f.repo, &id, see, &seen, &err) == 0);
		CHECK_EQ(seen.blobs, PACKS * 20);
		buf_release(&want);
		buf_release(&got);
		mem_free(p);
		mem_free(b);
		fixture_release(&f);
	}
}

TEST(an_index_that_cannot_be_saved)
{
	struct backend_fault_policy p = {.put_fail = 1000000};
	struct repo_pack pack = {.id = fixture_id(1), .blobs = 1};
	struct blob b = {.id = fixture_id(2), .length = 100};
	struct err err = {0};
	struct fixture f;

	fixture_env(&f);
	fixture_over(&f, backend_fault_new(backend_mem_new(), &p), 2);
	CHECK_EQ(repo_save_index(f.repo, &pack, 1, &b, &err), ERR_IO);
	CHECK(strstr(err.msg, "save index") == err.msg);
	err = (struct err){0};
	f.repo->level = 1000;
	CHECK_EQ(repo_save_index(f.repo, &pack, 1, &b, &err), ERR_USAGE);
	fixture_release(&f);
}

/* A pack of a million tiny files' blobs must not cost its index's JSON, 150 bytes a blob, nor that
 * of the check. */
TEST(saving_a_large_index_needs_little_memory)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("memory is measured without sanitizers");
#else
	enum { PACKS = 40000 };
	struct repo_pack *p = mem_array(PACKS, sizeof(*p));
	struct blob *b = mem_array(PACKS * 20, sizeof(*b));
	struct rusage before, after;
	struct err err = {0};
	struct fixture f;

	fixture_init(&f, 2);
	make_packs(p, b, PACKS);
	for (size_t i = 0; i < PACKS * 20; i++)
		rnd_fill(rnd_real(), &b[i].id, ID_SIZE);
	getrusage(RUSAGE_SELF, &before);
	REQUIRE(repo_save_index(f.repo, p, PACKS, b, &err) == 0);
	getrusage(RUSAGE_SELF, &after);
	/* 80 MB of JSON; 28 MB are stored, and opened again for the check, and kept by this store.
	 */
	CHECK(after.ru_maxrss - before.ru_maxrss < 120 << 10);
	mem_free(p);
	mem_free(b);
	fixture_release(&f);
#endif
}

TEST(broken_indexes)
{
	struct fixture f;
	struct seen seen = {0};
	struct err err = {0};
	struct id id;

	fixture_init(&f, 2);
	id = put_raw(&f, BACKEND_INDEX, "[]", 2);
	CHECK(repo_load_index(f.repo, &id, see, &seen, &err) < 0);
	id = put_raw(&f, BACKEND_INDEX, "\x02", 1);
	CHECK(repo_load_index(f.repo, &id, see, &seen, &err) < 0);
	id = put_raw(&f, BACKEND_INDEX, "\x07{}", 3);
	CHECK_EQ(repo_load_index(f.repo, &id, see, &seen, &err), ERR_UNSUPPORTED);
	id = fixture_id(1);
	CHECK_EQ(repo_load_index(f.repo, &id, see, &seen, &err), ERR_NOTFOUND);
	CHECK_EQ(seen.packs, 0);
	fixture_release(&f);
}
