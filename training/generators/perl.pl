# Draws with a generator of Perl: perl perl.pl GENERATOR FOLDER, a job a line on stdin, what was drawn on stdout.
use strict;
use warnings;
use JSON::PP;
$| = 1;

my %generators = (
    "authen-captcha" => sub {
        my ($job) = @_;
        require Authen::Captcha;
        my $captcha = Authen::Captcha->new(data_folder => "/tmp", output_folder => "/tmp");
        return ${ $captcha->create_image_file($job->{text}) };
    },
    "gd-securityimage" => sub {
        my ($job) = @_;
        require GD::SecurityImage;
        GD::SecurityImage->import;
        my %face = $job->{own} ? (gd_font => "giant") : (font => $job->{face}, ptsize => $job->{ptsize});
        my $image = GD::SecurityImage->new(
            %face, width => $job->{width}, height => $job->{height}, lines => $job->{lines}, bgcolor => $job->{paper},
            scramble => $job->{scramble}, send_ctobg => $job->{send_ctobg}, thickness => $job->{thickness},
            frame => $job->{frame}, rndmax => 1,
        );
        $image->random($job->{text});
        $image->create($job->{own} ? "normal" : "ttf", $job->{style}, $job->{ink}, $job->{line});
        $image->particle($job->{particles}, $job->{dots}) if $job->{particles};
        return ($image->out(force => "png"))[0];
    },
);

my ($name) = @ARGV;
while (my $line = <STDIN>) {
    my $job = decode_json($line);
    srand($job->{seed});
    open(my $file, ">:raw", $job->{file}) or die $!;
    print $file $generators{$name}->($job);
    close $file;
    print "$job->{text}\n";
}
