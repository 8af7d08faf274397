#include "format/keyfile.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "format/base64.h"
#include "format/fields.h"

/* A sealed master key takes about 150 bytes; ten times that leaves room for whatever a later
 * version adds. */
#define DATA_MAX 4096u

struct reading {
	struct keyfile *k;
	bool has_kdf, has_salt, kdf_known;
};

static int read_kdf(struct reading *r, struct json_in *j)
{
	int rc = json_string(j, "kdf");

	if (rc < 0)
		return rc;
	r->has_kdf = true;
	r->kdf_known = FIELD(j, "scrypt");
	return 1;
}

static int read_data(struct json_in *j, struct buf *out)
{
	size_t n;
	int rc = json_string(j, "data");

	if (rc < 0)
		return rc;
	buf_reset(out);
	if (buf_reserve(out, base64_room(j->len)) < 0)
		return json_bad(j, "data is too long");
	if (base64_get(j->str, j->len, out->p, &n) < 0)
		return json_bad(j, "data is not base64");
	out->len = n;
	return 1;
}

static int key_member(void *arg, struct json_in *j)
{
	struct reading *r = arg;
	struct keyfile *k = r->k;

	if (FIELD(j, "created"))
		return field_time(j, &k->created, NULL, "created");
	if (FIELD(j, "username"))
		return field_dup(j, &k->username, "username");
	if (FIELD(j, "hostname"))
		return field_dup(j, &k->hostname, "hostname");
	if (FIELD(j, "kdf"))
		return read_kdf(r, j);
	if (FIELD(j, "N"))
		return field_u64(j, &k->kdf.n, "N");
	if (FIELD(j, "r"))
		return field_u32(j, &k->kdf.r, "r");
	if (FIELD(j, "p"))
		return field_u32(j, &k->kdf.p, "p");
	if (FIELD(j, "salt")) {
		r->has_salt = true;
		return field_base64(j, k->salt, KDF_SALT, "salt");
	}
	if (FIELD(j, "data"))
		return read_data(j, &k->data);
	return 0;
}

static int check(const struct reading *r, struct err *err)
{
	if (r->has_kdf && !r->kdf_known)
		return err_set(err, ERR_UNSUPPORTED, "its key derivation function is not scrypt");
	if (!r->has_kdf || !r->has_salt || !r->k->data.len)
		return err_set(err, ERR_INVALID, "kdf, salt or data is missing");
	return kdf_check(&r->k->kdf, err);
}

int keyfile_parse(struct keyfile *k, const void *json, size_t n, struct err *err)
{
	struct reading r = {.k = k};
	struct json_in j;
	int rc;

	memset(k, 0, sizeof(*k));
	k->username = mem_strdup("");
	k->hostname = mem_strdup("");
	buf_init(&k->data, DATA_MAX);
	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a key", key_member, &r);
	if (rc < 0)
		err_copy(err, &j.err);
	else
		rc = check(&r, err);
	if (rc < 0) {
		if (err)
			err_prefix(err, "key file");
		keyfile_release(k);
	}
	json_in_release(&j);
	return rc;
}

static void put_base64(struct json_out *o, const void *p, size_t n)
{
	buf_addc(o->b, '"');
	base64_put(o->b, p, n);
	buf_addc(o->b, '"');
	o->comma = true;
}

void keyfile_write(const struct keyfile *k, const struct zone *z, struct buf *out)
{
	struct json_out o;

	json_out_init(&o, out);
	json_object(&o);
	json_key(&o, "created");
	json_time(&o, &k->created, z);
	json_key(&o, "username");
	json_str(&o, k->username ? k->username : "");
	json_key(&o, "hostname");
	json_str(&o, k->hostname ? k->hostname : "");
	json_key(&o, "kdf");
	json_str(&o, "scrypt");
	json_key(&o, "N");
	json_uint(&o, k->kdf.n);
	json_key(&o, "r");
	json_uint(&o, k->kdf.r);
	json_key(&o, "p");
	json_uint(&o, k->kdf.p);
	json_key(&o, "salt");
	put_base64(&o, k->salt, KDF_SALT);
	json_key(&o, "data");
	put_base64(&o, k->data.p, k->data.len);
	json_object_end(&o);
}

void keyfile_release(struct keyfile *k)
{
	if (!k)
		return;
	mem_free(k->username);
	mem_free(k->hostname);
	k->username = k->hostname = NULL;
	buf_release(&k->data);
}

static int mac_member(void *arg, struct json_in *j)
{
	struct seal_key *k = arg;

	if (FIELD(j, "k"))
		return field_base64(j, k->mac_k, sizeof(k->mac_k), "mac.k");
	if (FIELD(j, "r"))
		return field_base64(j, k->mac_r, sizeof(k->mac_r), "mac.r");
	return 0;
}

static int master_member(void *arg, struct json_in *j)
{
	struct seal_key *k = arg;

	if (FIELD(j, "encrypt"))
		return field_base64(j, k->encrypt, sizeof(k->encrypt), "encrypt");
	if (FIELD(j, "mac")) {
		int rc = fields_object(j, "mac", mac_member, k);

		return rc < 0 ? rc : 1;
	}
	return 0;
}

int masterkey_parse(struct seal_key *k, const void *json, size_t n, struct err *err)
{
	struct json_in j;
	int rc;

	memset(k, 0, sizeof(*k));
	json_in_mem(&j, json, n);
	rc = fields_document(&j, "a master key", master_member, k);
	if (rc < 0) {
		err_copy(err, &j.err);
		if (err)
			err_prefix(err, "master key");
	} else if (!seal_key_valid(k)) {
		/* A missing part is all zero. */
		rc = err_set(err, ERR_INVALID, "master key: a part is missing or zero");
	}
	if (rc < 0)
		mem_wipe(k, sizeof(*k));
	/* A string with escapes was decoded there. */
	buf_wipe(&j.tmp);
	json_in_release(&j);
	return rc;
}

void masterkey_write(const struct seal_key *k, struct buf *out)
{
	struct json_out o;

	/* In one piece, so that growing leaves no copy of a key behind. */
	if (buf_reserve(out, 256) < 0)
		return;
	json_out_init(&o, out);
	json_object(&o);
	json_key(&o, "mac");
	json_object(&o);
	json_key(&o, "k");
	put_base64(&o, k->mac_k, sizeof(k->mac_k));
	json_key(&o, "r");
	put_base64(&o, k->mac_r, sizeof(k->mac_r));
	json_object_end(&o);
	json_key(&o, "encrypt");
	put_base64(&o, k->encrypt, sizeof(k->encrypt));
	json_object_end(&o);
}
