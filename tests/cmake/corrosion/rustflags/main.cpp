extern "C" void with_flags();

int main()
{
    with_flags();
    return 0;
}
