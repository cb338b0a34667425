/* The part of the program that calls Rust. */
void alpha_word(void);
void beta_word(void);
#ifdef FURTHER
void alpha_further(void);
#endif

void words(void)
{
    alpha_word();
    beta_word();
#ifdef FURTHER
    alpha_further();
#endif
}
