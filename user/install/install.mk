# Installation; included by the Makefile.

MAN := $(wildcard user/install/man/*.[1-8])

## install: install the binary, man pages and completion under DESTDIR/PREFIX (/usr/local)
install: all
	install -D -m 755 $(B)/assay $(DESTDIR)$(PREFIX)/bin/assay
	for m in $(MAN); do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$(basename $$m) || exit; done
	install -D -m 644 user/install/assay.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/assay

.PHONY: install
