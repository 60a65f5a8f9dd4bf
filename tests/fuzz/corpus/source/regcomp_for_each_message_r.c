static bool f3(const char *text)
{
	regex_t re;
	if (regcomp(&re, "^[a-z]+$", REG_EXTENDED))
		return false;
	bool ok = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return ok;
}

int main(void)
{
	while (gets_line(line))
		n += matches(line);
}
