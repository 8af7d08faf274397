#include "unit/repo_fixture.h"

struct sealed {
	struct blob b;
	uint8_t *p;
};

static struct sealed seal_blob(struct fixture *f, const uint8_t *plain, size_t n, bool compressed)
{
	struct repo_ctx *c = repo_ctx_get(f->repo);
	uint8_t *packed = mem_alloc(compress_bound(n));
	struct sealed s = {0};
	size_t m = n;

	s.b.id = fixture_hash(plain, n);
	if (compressed) {
		REQUIRE(compress_put(c->compress, 3, plain, n, packed, compress_bound(n), &m,
				NULL) == 0);
		s.b.plain = (uint32_t)n;
	}
	s.b.length = (uint32_t)(m + SEAL_OVERHEAD);
	s.p = mem_alloc(s.b.length);
	seal_put(c->seal, repo_ctx_iv(c), compressed ? packed : plain, m, s.p);
	mem_free(packed);
	repo_ctx_put(f->repo, c);
	return s;
}

static int open_blob(struct fixture *f, const struct sealed *s, struct buf *out, struct err *err)
{
	struct repo_ctx *c = repo_ctx_get(f->repo);
	int rc;

	err_clear(err);
	rc = repo_open_blob(c, &s->b, s->p, out, err);
	CHECK(rc == 0 || out->len == 0);
	repo_ctx_put(f->repo, c);
	return rc;
}

TEST(round_trip_and_damage)
{
	struct fixture f;
	uint8_t plain[600];

	fixture_init(&f, 2);
	fixture_fill(plain, sizeof(plain), 1, true);
	for (int compressed = 0; compressed < 2; compressed++) {
		struct sealed s = seal_blob(&f, plain, sizeof(plain), compressed), t;
		struct buf out;
		struct err err;

		buf_init(&out, 600);
		CHECK_EQ(open_blob(&f, &s, &out, &err), 0);
		CHECK_EQ(out.len, sizeof(plain));
		CHECK_MEM(out.p, plain, sizeof(plain));
		for (size_t i = 0; i < s.b.length; i++) {
			s.p[i] ^= 1;
			CHECK_EQ(open_blob(&f, &s, &out, &err), ERR_INVALID);
			s.p[i] ^= 1;
		}
		CHECK_EQ(open_blob(&f, &s, &out, &err), 0);
		/* What the index says of it may be wrong as well. */
		t = s;
		t.b.id.b[0] ^= 1;
		CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
		t = s;
		t.b.length--;
		CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
		t.b.length = 31;
		CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
		t.b.length = 0;
		CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
		t = s;
		t.b.plain = compressed ? 0 : 600;
		CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
		if (compressed) {
			t.b.plain = 599;
			CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_INVALID);
			t.b.plain = 4000000000u; /* more than the caller takes */
			CHECK_EQ(open_blob(&f, &t, &out, &err), ERR_NOMEM);
		}
		buf_release(&out);
		buf_init(&out, 599);
		CHECK_EQ(open_blob(&f, &s, &out, &err), ERR_NOMEM);
		buf_release(&out);
		mem_free(s.p);
	}
	fixture_release(&f);
}
