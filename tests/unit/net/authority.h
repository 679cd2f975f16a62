/* unit/net/authority.h - a cluster's certificates, made for a test */
#pragma once

struct authority;

/* An authority of its own; two of them have nothing in common but their name. */
struct authority *authority_new(void);
void authority_free(struct authority **a);
/* ca.pem, node.pem and node.key in directory, which is made: the certificate names node, by an authority; ca.pem is
 * that of trusted, which may be another one. */
void authority_write(struct authority *by, struct authority *trusted, const char *directory, const char *node);
/* Takes them away, and the directory. */
void authority_remove(const char *directory);
