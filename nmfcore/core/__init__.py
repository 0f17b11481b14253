"""What does everything else in nmfcore stand on?"""
