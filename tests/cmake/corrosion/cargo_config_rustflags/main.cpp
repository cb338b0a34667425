extern "C" void configured_flags();

int main()
{
    configured_flags();
    return 0;
}
