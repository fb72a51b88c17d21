return remove(member(ARGV[2], ARGV[3]))
