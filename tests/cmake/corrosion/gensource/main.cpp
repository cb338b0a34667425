extern "C" void generated_source();

int main()
{
    generated_source();
    return 0;
}
